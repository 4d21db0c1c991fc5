/* A video device that says yes to everything and writes down what it is asked: for v4l2-tracer's
 * retracer, in place of its own library (V4L2_TRACER). The log is the file in RETRACED. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 1024
static char ours[FDS];

static void tell(const char *what, unsigned long number, const unsigned char *bytes, size_t size)
{
	FILE *log = fopen(getenv("RETRACED"), "a");
	fprintf(log, "%s %lu ", what, number);
	for (size_t at = 0; at < size; at++)
		fprintf(log, "%02x", bytes[at]);
	fputs("\n", log);
	fclose(log);
}

static int mine(int fd)
{
	return fd >= 0 && fd < FDS && ours[fd];
}

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	va_list more;
	va_start(more, flags);
	int mode = va_arg(more, int);
	va_end(more);
	if (strncmp(path, "/dev/video", 10))
		return real(path, flags, mode);
	int fd = memfd_create("pretended", 0);
	ours[fd] = 1;
	tell("open", 0, NULL, 0);
	return fd;
}

int close(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
	if (mine(fd)) {
		ours[fd] = 0;
		tell("close", 0, NULL, 0);
	}
	return real(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	va_list more;
	va_start(more, request);
	void *argument = va_arg(more, void *);
	va_end(more);
	if (!mine(fd))
		return real(fd, request, argument);
	tell("ioctl", _IOC_NR(request), argument, _IOC_SIZE(request));
	return 0;
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *(*real)(void *, size_t, int, int, int, off_t) =
		(void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
	if (!mine(fd))
		return real(at, length, protection, flags, fd, offset);
	tell("mmap", offset, NULL, 0);
	return real(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	(void)timeout;
	for (nfds_t at = 0; at < count; at++)
		fds[at].revents = fds[at].events;
	return (int)count;
}
