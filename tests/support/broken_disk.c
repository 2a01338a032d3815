/* A disk that is full, fails, hangs, is slow, or may not be written to, for one process: LD_PRELOAD this, with the path of a control file in BROKEN_DISK.
   tests/support/broken_disk.py makes both, and tells by the control file what befalls the files whose path begins with
   `prefix`. The file is mapped, so that telling costs no system call here: servers refuse those that they do not know. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { WELL, FULL, FAILS, HANGS, SLOW, READ_ONLY, FORBIDDEN };
enum { READS = 0, GROWS = 1, CHANGES = 2, NAMES = 4 }; /* what a call does: needs room, writes, makes or removes a name */
enum { RESOLVE_CACHED_ONLY = 0x20 }; /* RESOLVE_CACHED, which older headers do not have */

struct control {
  volatile int mode;
  volatile int touched; /* calls that met it */
  volatile long room;   /* octets that a full disk still takes; microseconds that each call of a slow one takes */
  char prefix[4096];
};

static struct control well;
static struct control* disk = &well;

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("BROKEN_DISK");
  const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  void* mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof well, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) disk = mapped;
  if (fd >= 0) close(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_meant(const char* path) { return strncmp(path, disk->prefix, strlen(disk->prefix)) == 0; }

static int path_of(int fd, char* out, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, out, size - 1);
  out[n < 0 ? 0 : n] = 0;
  return n > 0;
}

static int fd_is_meant(int fd) {
  char path[4200];
  const int kept = errno;
  const int meant = disk->mode != WELL && path_of(fd, path, sizeof path) && is_meant(path);
  errno = kept;
  return meant;
}

static int place_is_meant(int folder, const char* name) {
  char path[8400];
  if (disk->mode == WELL) return 0;
  if (name[0] == '/' || folder == AT_FDCWD) return is_meant(name);
  if (!path_of(folder, path, 4200)) return 0;
  strncat(path, "/", 2);
  strncat(path, name, 4100);
  return is_meant(path);
}

/* Waits while it hangs. What a call that does this has to fail with then; 0: it may go on. */
static int trouble(int does) {
  __atomic_add_fetch(&disk->touched, 1, __ATOMIC_RELAXED);
  const struct timespec moment = {0, 2000000};
  while (disk->mode == HANGS) nanosleep(&moment, NULL);
  const struct timespec delay = {disk->room / 1000000, disk->room % 1000000 * 1000};
  if (disk->mode == SLOW) nanosleep(&delay, NULL);
  if (disk->mode == FAILS) return EIO;
  if (disk->mode == READ_ONLY && (does & CHANGES)) return EROFS;
  if (disk->mode == FORBIDDEN && (does & NAMES)) return EACCES;
  return disk->mode == FULL && (does & GROWS) && disk->room <= 0 ? ENOSPC : 0;
}

/* 0, or -1 and errno. */
static int refuse(int error) {
  if (error == 0) return 0;
  errno = error;
  return -1;
}

ssize_t write(int fd, const void* from, size_t size) {
  if (fd_is_meant(fd)) {
    if (refuse(trouble(GROWS | CHANGES))) return -1;
    if (disk->mode == FULL && (long)size > disk->room) size = (size_t)disk->room;
    if (disk->mode == FULL) __atomic_sub_fetch(&disk->room, (long)size, __ATOMIC_RELAXED);
  }
  return REAL(write)(fd, from, size);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (!fd_is_meant(fd)) return REAL(writev)(fd, parts, count);
  for (int i = 0; i < count; ++i) {
    if (parts[i].iov_len > 0) return write(fd, parts[i].iov_base, parts[i].iov_len);
  }
  return 0;
}

ssize_t read(int fd, void* to, size_t size) {
  if (fd_is_meant(fd) && refuse(trouble(READS))) return -1;
  return REAL(read)(fd, to, size);
}

ssize_t pread(int fd, void* to, size_t size, off_t at) {
  if (fd_is_meant(fd) && refuse(trouble(READS))) return -1;
  return REAL(pread)(fd, to, size, at);
}

ssize_t pread64(int fd, void* to, size_t size, off_t at) __attribute__((alias("pread")));

/* Who asks not to be held up is told so. */
ssize_t preadv2(int fd, const struct iovec* parts, int count, off_t at, int flags) {
  if (fd_is_meant(fd)) {
    if ((disk->mode == HANGS || disk->mode == SLOW) && (flags & RWF_NOWAIT) != 0) return refuse(EAGAIN);
    if (refuse(trouble(READS))) return -1;
  }
  return REAL(preadv2)(fd, parts, count, at, flags);
}

ssize_t preadv64v2(int fd, const struct iovec* parts, int count, off_t at, int flags) __attribute__((alias("preadv2")));

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  struct stat status;
  if (fd_is_meant(fd)) {
    const int grows = fstat(fd, &status) == 0 && at + (off_t)size > status.st_size;
    if (refuse(trouble(CHANGES | (grows ? GROWS : 0)))) return -1;
    if (disk->mode == FULL && grows && (long)size > disk->room) size = (size_t)disk->room;
    if (disk->mode == FULL && grows) __atomic_sub_fetch(&disk->room, (long)size, __ATOMIC_RELAXED);
  }
  return REAL(pwrite)(fd, from, size, at);
}

ssize_t pwrite64(int fd, const void* from, size_t size, off_t at) __attribute__((alias("pwrite")));

/* openat2(2) has no name in the C library. */
long syscall(long number, ...) {
  long with[6];
  va_list more;
  va_start(more, number);
  for (int i = 0; i < 6; ++i) with[i] = va_arg(more, long);
  va_end(more);
  if (number == SYS_openat2 && place_is_meant((int)with[0], (const char*)with[1])) {
    const unsigned long long* how = (const unsigned long long*)with[2]; /* flags, mode, resolve */
    if (disk->mode == HANGS && (how[2] & RESOLVE_CACHED_ONLY) != 0) return refuse(EAGAIN);
    if (refuse(trouble(READS))) return -1;
  }
  return REAL(syscall)(number, with[0], with[1], with[2], with[3], with[4], with[5]);
}

/* A disk, whatever lies below. */
int fstatfs(int fd, struct statfs* out) {
  const int done = REAL(fstatfs)(fd, out);
  if (done == 0) out->f_type = 0xEF53;
  return done;
}

int fsync(int fd) {
  if (fd_is_meant(fd) && refuse(trouble(READS))) return -1;
  return REAL(fsync)(fd);
}

int fdatasync(int fd) {
  if (fd_is_meant(fd) && refuse(trouble(READS))) return -1;
  return REAL(fdatasync)(fd);
}

static int opening(int flags) {
  if ((flags & O_CREAT) != 0) return CHANGES | NAMES;
  return (flags & O_ACCMODE) == O_RDONLY ? READS : CHANGES;
}

int openat(int folder, const char* name, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
  va_end(more);
  if (place_is_meant(folder, name) && refuse(trouble(opening(flags)))) return -1;
  return REAL(openat)(folder, name, flags, mode);
}

int open(const char* name, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
  va_end(more);
  if (place_is_meant(AT_FDCWD, name) && refuse(trouble(opening(flags)))) return -1;
  return REAL(open)(name, flags, mode);
}

int open64(const char* name, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char* name, int flags, ...) __attribute__((alias("openat")));

int renameat(int from, const char* before, int to, const char* after) {
  if (place_is_meant(to, after) && refuse(trouble(CHANGES | NAMES))) return -1;
  return REAL(renameat)(from, before, to, after);
}

int rename(const char* before, const char* after) {
  if (place_is_meant(AT_FDCWD, after) && refuse(trouble(CHANGES | NAMES))) return -1;
  return REAL(rename)(before, after);
}

int mkdirat(int folder, const char* name, mode_t mode) {
  if (place_is_meant(folder, name) && refuse(trouble(GROWS | CHANGES | NAMES))) return -1;
  return REAL(mkdirat)(folder, name, mode);
}

int unlinkat(int folder, const char* name, int flags) {
  if (place_is_meant(folder, name) && refuse(trouble(CHANGES | NAMES))) return -1;
  return REAL(unlinkat)(folder, name, flags);
}
