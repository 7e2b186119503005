//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Opening files of the scripts folder, and nothing that a symbolic link in it leads out to.

#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "CLuaRuntime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK)

// Where the kernel cannot do it at once: resolve, compare, open what was resolved.
static int open_resolved(const char *root, const char *path) {
    char joined[PATH_MAX], real_root[PATH_MAX], real_path[PATH_MAX];
    if (snprintf(joined, sizeof joined, "%s/%s", root, path) >= (int)sizeof joined) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (realpath(root, real_root) == NULL || realpath(joined, real_path) == NULL) return -1;
    size_t length = strcmp(real_root, "/") == 0 ? 0 : strlen(real_root);
    if (strncmp(real_path, real_root, length) != 0 || (real_path[length] != '/' && real_path[length] != '\0')) {
        errno = EXDEV;
        return -1;
    }
    return open(real_path, OPEN_FLAGS | O_NOFOLLOW);
}

#if defined(__linux__)

#include <linux/openat2.h>
#include <sys/syscall.h>

int nj_open_beneath(const char *root, const char *path) {
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long file = syscall(SYS_openat2, folder, path, &how, sizeof how);
    int reason = errno;
    close(folder);
    // Kernels before 5.6 lack the call, and some containers forbid it.
    if (file < 0 && (reason == ENOSYS || reason == EPERM)) return open_resolved(root, path);
    errno = reason;
    return (int)file;
}

#else

int nj_open_beneath(const char *root, const char *path) { return open_resolved(root, path); }

#endif
