#!/bin/sh
# Builds a CMake target of this folder into ./build (Release). Called by the .NET projects; several may call it at once.
# usage: build.sh [target, default pangu | sanitize | --check]
# sanitize: builds the C++ tests with address and undefined behaviour sanitizers into ./build/sanitize, and runs them.
# --check: exit 0 if the tools are there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-pangu}
if command -v make >/dev/null 2>&1; then generator="Unix Makefiles"
elif command -v ninja >/dev/null 2>&1; then generator=Ninja
else generator=
fi
if ! command -v cmake >/dev/null 2>&1 || ! command -v g++ >/dev/null 2>&1 || [ -z "$generator" ]; then
    echo "The native kernels need CMake and a C++ compiler; install them with: apt-get install cmake g++ make" >&2
    exit 1
fi
[ "$target" = "--check" ] && exit 0
build=$here/build
sanitize=OFF
if [ "$target" = sanitize ]; then
    build=$here/build/sanitize
    sanitize=ON
    target=pangu_tests
fi
mkdir -p "$build"
# One build at a time: dependents build in parallel.
exec 9>"$build/.lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi
log="$build/configure.log"
if ! cmake -S "$here" -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DPANGU_WERROR="${CI:-OFF}" -DPANGU_SANITIZE="$sanitize" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
cmake --build "$build" --target "$target" --parallel "${PANGU_NATIVE_JOBS:-2}"
[ "$sanitize" = OFF ] || ctest --test-dir "$build" --output-on-failure --no-tests=error
