/*
 * race-packets PROTOCOL PORT ROUNDS: two threads, on CPUs 0 and 1, send the first packet of the same connection at the same
 * moment, again and again, from 127.0.0.1 to 127.0.0.3. 17 is UDP, 6 is TCP (SYN). Each round has a source port of its own,
 * from PORT on.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define THREADS 2

static int protocol;
static long port;
static long rounds;
static atomic_long arrived;

static int fds[THREADS];

static void *run(void *fd_of_thread) {
  int fd = *(int *)fd_of_thread;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(fd_of_thread == fds ? 0 : 1, &cpus);
  sched_setaffinity(0, sizeof(cpus), &cpus);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(0x7f000003)}};
  for (long n = 0; n < rounds; n++) {
    unsigned char packet[20] = {(port + n) >> 8, port + n, 0, 53};
    if (protocol == IPPROTO_UDP) {
      packet[5] = sizeof(packet);
    } else {
      packet[12] = 5 << 4;
      packet[13] = 0x02;
      packet[14] = 4;
    }
    atomic_fetch_add(&arrived, 1);
    for (long spins = 1; atomic_load(&arrived) < THREADS * (n + 1); spins++) {
      // The other one may want this CPU.
      if (spins % 20000 == 0) sched_yield();
    }
    // A packet that has lost the race is refused (EPERM).
    sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to));
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  protocol = atoi(argv[1]);
  port = atol(argv[2]);
  rounds = atol(argv[3]);
  pthread_t threads[THREADS];
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  for (int i = 0; i < THREADS; i++) {
    fds[i] = socket(AF_INET, SOCK_RAW, protocol);
    if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&from, sizeof(from)) < 0) {
      perror("socket");
      return 1;
    }
  }
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, &fds[i]);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  return 0;
}
