// Exits with 0 if the instruction set in use is the one named by the first argument: run with PANGU_FORCE_ISA set.
#include <cstdio>
#include <cstring>

#include "../include/pangu.h"

int main(int argc, char **argv) {
    const char *active = pangu_active_isa();
    printf("%s\n", active ? active : pangu_last_error());
    return !(active && argc > 1 && strcmp(active, argv[1]) == 0);
}
