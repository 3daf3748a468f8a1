#!/bin/sh
# Builds a CMake target of this folder into ./build (Release). Called by the .NET projects; several may call it at once.
# usage: build.sh [target, default pangu | --check]
# --check: exit 0 if the tools are there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if command -v make >/dev/null 2>&1; then generator="Unix Makefiles"
elif command -v ninja >/dev/null 2>&1; then generator=Ninja
else generator=
fi
if ! command -v cmake >/dev/null 2>&1 || ! command -v g++ >/dev/null 2>&1 || [ -z "$generator" ]; then
    echo "The native kernels need CMake and a C++ compiler; install them with: apt-get install cmake g++ make" >&2
    exit 1
fi
[ "${1:-}" = "--check" ] && exit 0
mkdir -p "$here/build"
# One build at a time: dependents build in parallel.
exec 9>"$here/build/.lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi
log="$here/build/configure.log"
if ! cmake -S "$here" -B "$here/build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DPANGU_WERROR="${CI:-OFF}" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
exec cmake --build "$here/build" --target "${1:-pangu}" --parallel "${PANGU_NATIVE_JOBS:-2}"
