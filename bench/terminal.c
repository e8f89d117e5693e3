/*
 * terminal QUIET_MS PITCH_MS KEYS PROGRAM [ARGUMENT]...
 *
 * Runs a live view on a terminal of 140 columns and 40 rows: looks on for QUIET_MS, presses the keys one by one, each
 * PITCH_MS after the one before, and leaves with q. Writes lines to stdout, with times in microseconds:
 *
 * - full WALL CPU: the screen says for the first time that the table has been read as a whole.
 * - quiet WALL CPU: no key has been pressed until now.
 * - key TIME: from a key to the next bytes on the terminal; a line for each.
 * - keys WALL CPU: the last key has been answered.
 *
 * WALL is since the start of the program, CPU what the program has taken of it. The exit status is the program's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A key that is not answered after so long is not waited for, and an end likewise. */
#define PATIENCE 10000000LL

static pid_t child;
static int terminal;
static bool is_over;
static long long start;
static bool was_full;

static char screen[65536];
static size_t screen_size;

static long long microseconds(clockid_t clock) {
  struct timespec time = {0};
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static long long now(void) {
  return microseconds(CLOCK_MONOTONIC);
}

static void report(const char *name) {
  clockid_t clock;
  long long cpu = clock_getcpuclockid(child, &clock) == 0 ? microseconds(clock) : 0;
  printf("%s %lld %lld\n", name, now() - start, cpu);
}

/* The title says "full passes" or "full pass 3 s ago", and before the first one has ended "full pass now". */
static bool shows_full_pass(void) {
  static const char words[] = "full pass";
  const char *end = screen + screen_size;
  for (const char *at = screen; (at = memmem(at, end - at, words, sizeof words - 1)) != NULL;) {
    at += sizeof words - 1;
    if (at < end && strncmp(at, " now", 4) != 0) return true;
  }
  return false;
}

/* Reads what the program writes until `until`, or its next bytes. Whether there were any. */
static bool reads_before(long long until) {
  while (!is_over) {
    long long left = until - now();
    if (left <= 0) return false;
    struct pollfd ready = {.fd = terminal, .events = POLLIN};
    struct timespec patience = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
    if (ppoll(&ready, 1, &patience, NULL) <= 0) continue;
    ssize_t size = read(terminal, screen, sizeof screen - 1);
    if (size < 0 && errno == EINTR) continue;
    is_over = size <= 0;
    if (is_over) return false;
    screen_size = size;
    screen[size] = '\0';
    if (!was_full && shows_full_pass()) {
      was_full = true;
      report("full");
    }
    return true;
  }
  return false;
}

static void read_until(long long until) {
  while (!is_over && now() < until)
    reads_before(until);
}

static void press(char key) {
  if (write(terminal, &key, 1) != 1) is_over = true;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: terminal QUIET_MS PITCH_MS KEYS PROGRAM [ARGUMENT]...\n");
    return 2;
  }
  long long quiet = atoll(argv[1]) * 1000;
  long long pitch = atoll(argv[2]) * 1000;
  struct winsize size = {.ws_col = 140, .ws_row = 40};
  start = now();
  child = forkpty(&terminal, NULL, NULL, &size);
  if (child == 0) {
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    execvp(argv[4], argv + 4);
    fprintf(stderr, "terminal: %s: %s\n", argv[4], strerror(errno));
    _exit(127);
  }
  if (child < 0) {
    perror("terminal: forkpty");
    return 1;
  }
  read_until(start + quiet);
  report("quiet");
  for (const char *key = argv[3]; *key != '\0' && !is_over; key++) {
    long long pressed = now();
    press(*key);
    reads_before(pressed + PATIENCE);
    printf("key %lld\n", now() - pressed);
    read_until(pressed + pitch);
  }
  report("keys");
  press('q');
  read_until(now() + PATIENCE);
  if (!is_over) kill(child, SIGKILL);
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) {
      perror("terminal: waitpid");
      return 1;
    }
  if (status != 0) fwrite(screen, 1, screen_size, stderr);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
