/* Makes one call of the C library fail or wait: MU_SHIM="CALL:N:ERRNO" or "CALL:N:wait:MILLISECONDS", N counted from 1 over the
 * whole process. Stores into a map are not seen; only their sync is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

/* The error this call must report, or 0. */
static int wrong(const char *call) {
    const char *script = getenv("MU_SHIM");
    size_t length = strlen(call);
    if (!script || strncmp(script, call, length) != 0 || script[length] != ':') return 0;
    char *rest;
    long at = strtol(script + length + 1, &rest, 10);
    if (atomic_fetch_add(&calls, 1) + 1 != at || *rest != ':') return 0;
    if (strncmp(rest, ":wait:", 6) == 0) {
        long ms = strtol(rest + 6, NULL, 10);
        struct timespec time = {ms / 1000, ms % 1000 * 1000000};
        nanosleep(&time, NULL);
        return 0;
    }
    return (int)strtol(rest + 1, NULL, 10);
}

#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(call) do { int error = wrong(call); if (error) { errno = error; return -1; } } while (0)

int fdatasync(int fd) { FAIL("fdatasync"); return ORIGINAL(fdatasync)(fd); }
int fsync(int fd) { FAIL("fsync"); return ORIGINAL(fsync)(fd); }
int rename(const char *from, const char *to) { FAIL("rename"); return ORIGINAL(rename)(from, to); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { FAIL("pwrite"); return ORIGINAL(pwrite)(fd, bytes, count, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { FAIL("pwrite"); return ORIGINAL(pwrite64)(fd, bytes, count, offset); }
int posix_fallocate(int fd, off_t from, off_t length) { int error = wrong("fallocate"); return error ? error : ORIGINAL(posix_fallocate)(fd, from, length); }
int posix_fallocate64(int fd, off64_t from, off64_t length) { int error = wrong("fallocate"); return error ? error : ORIGINAL(posix_fallocate64)(fd, from, length); }
