/* first.c -- how long a server takes from its start to its first answer.
 *
 *   first PORT REQUEST LOG PROGRAM [ARGUMENT]...
 *
 * Starts the program with its output in the file LOG, tries to connect until it listens, sends the bytes of the file
 * REQUEST, and waits for an answer of HTTP with status 200. Prints one line, pid=N first_us=N, and leaves the program
 * running. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 64 * 1024, RETRY_US = 100 };

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static bool try_connect(uint16_t port, int *fd) {
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(*fd, (struct sockaddr *)&address, sizeof address) == 0) {
    struct sockaddr_in own = { 0 };   /* where nobody listens yet, a socket of this very port is connected to itself */
    getsockname(*fd, (struct sockaddr *)&own, &(socklen_t){ sizeof own });
    if (own.sin_port != address.sin_port) return true;
  }
  close(*fd);
  return false;
}

static int fail(const char *what) {
  fprintf(stderr, "first: %s\n", what);
  return 1;
}

int main(int count, char **arguments) {
  static char request[REQUEST_BYTES_MAX];
  char answer[4096];
  if (count < 5) return fail("usage: first PORT REQUEST LOG PROGRAM [ARGUMENT]...");
  FILE *file = fopen(arguments[2], "rbe");
  int log = open(arguments[3], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (!file || log < 0) return fail("cannot open the request or the log");
  size_t size = fread(request, 1, sizeof request, file);

  uint64_t begun = now_us();
  pid_t child = fork();
  if (child == 0) {
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp(arguments[4], arguments + 4);
    _exit(127);
  }
  int fd;
  while (!try_connect((uint16_t)strtoul(arguments[1], NULL, 10), &fd)) {
    if (waitpid(child, NULL, WNOHANG) != 0) return fail("the program ended");
    usleep(RETRY_US);
  }
  if (write(fd, request, size) != (ssize_t)size) return fail("the request was not sent");
  ssize_t got = read(fd, answer, sizeof answer);
  uint64_t took = now_us() - begun;
  if (got < 12 || memcmp(answer + 9, "200", 3) != 0) return fprintf(stderr, "first: no good answer: %.*s\n", (int)(got > 0 ? got : 0), answer), 1;
  printf("pid=%d first_us=%llu\n", (int)child, (unsigned long long)took);
  return 0;
}
