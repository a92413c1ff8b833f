/* sync.c -- what a durable call costs at the least: appends so many bytes to a file that was filled with zeros ahead,
 * and syncs, again and again.
 *
 *   sync FILE BYTES SECONDS
 *
 * Prints one line: calls=N p50_us=N. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_BYTES = 16 * 1024 * 1024, BLOCK_BYTES = 1024 * 1024, CALLS_MAX = 1000000 };

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int compare(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

static void check(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int open_filled(const char *path, char *block) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  check(fd >= 0, path);
  for (size_t at = 0; at < FILE_BYTES; at += BLOCK_BYTES) {
    check(pwrite(fd, block, BLOCK_BYTES, (off_t)at) == BLOCK_BYTES, "fill");
  }
  check(fsync(fd) == 0, "fsync");
  return fd;
}

int main(int count, char **arguments) {
  static char block[BLOCK_BYTES];
  static uint32_t took[CALLS_MAX];
  if (count != 4) return fprintf(stderr, "usage: sync FILE BYTES SECONDS\n"), 2;
  int fd = open_filled(arguments[1], block);
  size_t bytes = strtoull(arguments[2], NULL, 10), calls = 0, at = 0;
  check(bytes > 0 && bytes <= BLOCK_BYTES, "bytes");
  memset(block, 'x', bytes);
  uint64_t end = now_us() + (uint64_t)(strtod(arguments[3], NULL) * 1e6);
  for (uint64_t begun = now_us(), done; begun < end && calls < CALLS_MAX; begun = done) {
    check(pwrite(fd, block, bytes, (off_t)at) == (ssize_t)bytes, "write");
    check(fdatasync(fd) == 0, "fdatasync");
    done = now_us();
    took[calls++] = (uint32_t)(done - begun);
    at = at + 2 * bytes > FILE_BYTES ? 0 : at + bytes;
  }
  qsort(took, calls, sizeof *took, compare);
  printf("calls=%zu p50_us=%u\n", calls, calls ? took[calls / 2] : 0);
  return 0;
}
