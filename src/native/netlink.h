/*
 * The system calls that JavaScript lacks, for both bindings: napi.c (Node) and quickjs-calls.c (the executable). No
 * netlink attribute is read here: messages go through as bytes, and everything that could get them wrong is TypeScript.
 *
 * Every function answers with a result from 0 up, or -errno; a closed descriptor (-1) gives -EBADF. EINTR is not
 * retried: only the caller knows whether a signal should end the wait.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* How many datagrams one netlink_receive_many takes at most: their headers live on the stack. */
#define MAX_SLOTS 64

/* How many members of struct tm local_time fills. */
#define LOCAL_TIME_MEMBERS 7

/* Whether `wide` is a whole number that an int holds: NaN, 0.5 and 2^32 must not quietly become 0. */
bool whole_number(double wide, int *number);

/* Whether [offset, offset + length) lies within `size` bytes and holds a byte at least. */
bool is_part(int offset, int length, size_t size);

/* MSG_DONTWAIT is all that a caller may ask for: with MSG_PEEK, receiving would never get past a foreign datagram. */
bool are_flags(int flags);

/* A NETLINK_NETFILTER socket, bound to a port id of the kernel's choice: its descriptor. */
int netlink_open(uint32_t *port_id);

/* The bytes sent to the kernel. */
ssize_t netlink_send(int fd, const struct iovec *part);

/* The true length of the next datagram from the kernel; others are dropped. */
ssize_t netlink_receive(int fd, struct iovec *part, int flags);

/*
 * recvmmsg(2): how many datagrams were received, the i-th at buffer + i * slot, its true length in lengths[i], 0 for
 * one that is not from the kernel.
 */
int netlink_receive_many(int fd, void *buffer, size_t size, int slot, int32_t *lengths, size_t count, int flags);

int netlink_set_option(int fd, int level, int name, int value);
int netlink_get_option(int fd, int level, int name);

/* How many members of enum sk_meminfo (linux/sock_diag.h) netlink_memory fills: up to SK_MEMINFO_DROPS. */
#define MEMORY_MEMBERS 9

/* SO_MEMINFO: what a socket holds in the kernel, and how often it had to drop something. */
int netlink_memory(int fd, uint32_t *members);

/* poll(2) one descriptor: 1 ready, 0 after the timeout; -EINTR once a signal was caught, but not for POLLOUT with a
 * limit. */
int wait_for(int fd, short events, int timeout_ms);

/* From now on the signal is noted; there is no SA_RESTART, so it ends a write that waits. */
int catch_signal(int number);

/* The number of the last signal that was noted, or 0. */
int caught_signal(void);

/* Takes back the note of a signal: the lowest number of those that were noted since, or 0. */
int take_signal(void);

/* Gives a signal its default action, or has it ignored. */
int set_signal(int number, bool ignored);

/* The first members of struct tm by the time zone that TZ says now. */
int local_time(double seconds, int32_t *members);

/* The columns and rows of the terminal that a descriptor is. */
int window_size(int fd, int32_t *size);

/*
 * Has a terminal hand over keys as they are typed, without echo, and without signals from keys; or puts it back as it
 * was. There is one terminal at a time.
 */
int set_terminal_raw(int fd, bool raw);

/* A fresh network namespace for the calling thread, and one by its descriptor. */
int unshare_network(void);
int set_network(int fd);

#endif
