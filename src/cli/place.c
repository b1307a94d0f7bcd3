/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the module beside this program, and programs in PATH. */
#include "cli/place.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* bin/weir -> lib/weir/weir.so; some systems have lib64, or lib/ARCHITECTURE. */
bool place_module(char *out, size_t room)
{
    static const char *const from_bin[] = {"lib/weir", "lib64/weir", "lib/*/weir"};
    char self[PATH_MAX], pattern[PATH_MAX + 32];
    bool found = false;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(self, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    for (size_t i = 0; !found && i < sizeof from_bin / sizeof *from_bin; i++) {
        glob_t g;
        snprintf(pattern, sizeof pattern, "%s/%s/weir.so", self, from_bin[i]);
        if (glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
            continue;
        found = snprintf(out, room, "%s", g.gl_pathv[0]) < (int)room;
        globfree(&g);
    }
    return found;
}

bool place_program(const char *name, char *out, size_t room)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/') != NULL)
        return snprintf(out, room, "%s", name) < (int)room && access(out, X_OK) == 0;
    for (const char *p = path; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, ":");
        if (n > 0 && n < PATH_MAX &&
            snprintf(out, room, "%.*s/%s", (int)n, p, name) < (int)room &&
            access(out, X_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}
