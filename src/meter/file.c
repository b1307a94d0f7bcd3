/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that appear whole or not at all, and never in the place of another. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "meter/output.h"

static weir_status fail_errno(weir_error *err, const char *what, const char *path,
                              int code)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    weir_status st =
        weir_fail(err, WEIR_ERR_IO, "meter: %s '%.300s': %s", what, path,
                  plain == (locale_t)0 ? "unknown reason" : strerror_l(code, plain));
    if (plain != (locale_t)0)
        freelocale(plain);
    return st;
}

static weir_status fail_exists(weir_error *err, const char *path)
{
    return weir_fail(
        err, WEIR_ERR_EXISTS,
        "meter: '%.300s' exists already and is not overwritten; remove it or choose "
        "another name",
        path);
}

/* A fresh file beside `path`, open for writing; its name in `name`. */
static int open_beside(const char *path, char *name, size_t n_name)
{
    static atomic_uint counter;
    for (int i = 0; i < 100; i++) {
        unsigned k = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
        snprintf(name, n_name, "%s.%ld-%u.tmp", path, (long)getpid(), k);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return errno;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

/* Give the finished file its name. A link fails when the name is taken, which a rename does not;
 * where the file system has no links, look first. Returns 0 or errno; `name` is gone when 0. */
static int publish(const char *name, const char *path)
{
    struct stat is;
    if (link(name, path) == 0) {
        unlink(name);
        return 0;
    }
    if (errno == EEXIST)
        return EEXIST;
    if (lstat(path, &is) == 0)
        return EEXIST;
    return rename(name, path) == 0 ? 0 : errno;
}

weir_status wr_file_write(weir_str path, const char *p, size_t n, weir_error *err)
{
    char *file = NULL, *name = NULL;
    bool is_there = false;
    struct stat is;
    weir_status st = wr_check_name(path, "meter: path", err);
    if (st != WEIR_OK)
        goto out;
    size_t n_name = path.n + 64;
    file = wr_dup(path.p, path.n);
    name = wr_alloc(n_name);
    if (file == NULL || name == NULL) {
        st = weir_fail(err, WEIR_ERR_NOMEM, "meter: no memory for the path '%.*s'",
                       WR_NAME(path));
        goto out;
    }
    if (lstat(file, &is) == 0) {
        st = fail_exists(err, file);
        goto out;
    }
    int fd = open_beside(file, name, n_name);
    if (fd < 0) {
        st = fail_errno(err, "can't create", file, errno);
        goto out;
    }
    is_there = true;
    int code = write_all(fd, p, n);
    int closed = close(fd) == 0 ? 0 : errno; /* a full disk may show only now */
    code = code != 0 ? code : closed;
    if (code != 0) {
        st = fail_errno(err, "can't write", file, code);
        goto out;
    }
    code = publish(name, file);
    if (code == 0)
        is_there = false;
    else
        st = code == EEXIST ? fail_exists(err, file)
                            : fail_errno(err, "can't name", file, code);

out:
    if (is_there)
        unlink(name);
    wr_free(name);
    wr_free(file);
    return st;
}
