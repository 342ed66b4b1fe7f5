/*
 * syncs.c - loaded into the measured server by ectbench (LD_PRELOAD): counts how often it waits for
 * the disk.
 *
 * Counted: fsync, fdatasync, msync(MS_SYNC), sync_file_range, and writes on descriptors opened with
 * O_DSYNC or O_SYNC (LMDB writes its meta page so).  The count is a number in a file shared with
 * ectbench.  Without ECTBENCH_SYNCS it does nothing.
 *
 * The only mutable statics of the project: a preloaded library has nowhere else to keep them.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic uint64_t *count;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("ECTBENCH_SYNCS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		count = p;
}

static void
one(void)
{
	if (count != NULL)
		atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

static void
one_if_sync(int fd)
{
	const int flags = count != NULL ? fcntl(fd, F_GETFL) : -1;

	if (flags != -1 && (flags & (O_DSYNC | O_SYNC)) != 0)
		one();
}

/* The function of that name in the next library: the real one.  POSIX asks for this copy, because
 * an object pointer does not become a function pointer in ISO C. */
#define REAL(name, type)                                                                           \
	type real;                                                                                 \
	void *symbol = dlsym(RTLD_NEXT, name);                                                     \
	memcpy(&real, &symbol, sizeof real)

typedef int (*fd_call)(int);
typedef int (*msync_call)(void *, size_t, int);
typedef ssize_t (*pwrite_call)(int, const void *, size_t, off_t);
typedef ssize_t (*write_call)(int, const void *, size_t);
typedef ssize_t (*pwritev_call)(int, const struct iovec *, int, off_t);

int
fsync(int fd)
{
	REAL("fsync", fd_call);
	one();
	return real(fd);
}

int
fdatasync(int fd)
{
	REAL("fdatasync", fd_call);
	one();
	return real(fd);
}

int
msync(void *p, size_t n, int flags)
{
	REAL("msync", msync_call);
	if ((flags & MS_SYNC) != 0)
		one();
	return real(p, n, flags);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	REAL("pwrite", pwrite_call);
	one_if_sync(fd);
	return real(fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	REAL("write", write_call);
	one_if_sync(fd);
	return real(fd, p, n);
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	REAL("pwritev", pwritev_call);
	one_if_sync(fd);
	return real(fd, v, n, at);
}
