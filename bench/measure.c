/*
 * measure PROGRAM [ARGUMENT]... 3>RESULT
 *
 * Runs a program and writes what it took to descriptor 3: wall time, user and system CPU time in microseconds, peak
 * resident memory in KiB, and the exit status (128 + N after signal N). Node cannot ask that about a child, and a child
 * of Node's would begin with Node's own peak memory. SIGTERM is passed on to the program, and so is
 * the end of whoever started this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESULT 3

static pid_t child;

static void pass_on(int signal) {
  kill(child, signal);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static long long microseconds(struct timeval time) {
  return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv) {
  if (argc < 2 || fcntl(RESULT, F_SETFD, FD_CLOEXEC) < 0) {
    fprintf(stderr, "usage: measure PROGRAM [ARGUMENT]... 3>RESULT\n");
    return 2;
  }
  long long start = now();
  child = fork();
  if (child == 0) {
    execvp(argv[1], argv + 1);
    fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
    _exit(127);
  }
  if (child < 0) {
    perror("measure: fork");
    return 1;
  }
  struct sigaction action = {.sa_handler = pass_on};
  sigaction(SIGTERM, &action, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  int status;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) {
      perror("measure: wait4");
      return 1;
    }
  long long wall = now() - start;
  dprintf(RESULT, "%lld %lld %lld %ld %d\n", wall, microseconds(usage.ru_utime), microseconds(usage.ru_stime),
          usage.ru_maxrss, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  return 0;
}
