/* See netlink.h. The one state here is that of the signals, which belong to the process. */
#define _GNU_SOURCE /* recvmmsg, setns, unshare */
#include "netlink.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Headers of musl before 1.2.3 lack it. It is another number on SPARC and PA-RISC alone. */
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/*
 * The last signal that was noted, all that were noted and not taken, and an eventfd that has been readable since; -1
 * before the first catch_signal.
 */
static volatile sig_atomic_t last_signal;
static volatile sig_atomic_t noted[NSIG];
static int signal_event = -1;

/* What a system call returned, with -errno in place of -1. */
static int answer(int returned) {
  return returned < 0 ? -errno : returned;
}

bool whole_number(double wide, int *number) {
  if (!(wide >= INT_MIN && wide <= INT_MAX)) return false;
  *number = (int)wide;
  return *number == wide;
}

bool is_part(int offset, int length, size_t size) {
  return offset >= 0 && length > 0 && (size_t)offset <= size && (size_t)length <= size - (size_t)offset;
}

bool are_flags(int flags) {
  return (flags & ~MSG_DONTWAIT) == 0;
}

static bool is_netlink(const struct msghdr *message, const struct sockaddr_nl *sender) {
  return message->msg_namelen == sizeof(*sender) && sender->nl_family == AF_NETLINK;
}

int netlink_open(uint32_t *port_id) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  socklen_t size = sizeof(address);
  if (bind(fd, (struct sockaddr *)&address, size) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  *port_id = address.nl_pid;
  return fd;
}

ssize_t netlink_send(int fd, const struct iovec *part) {
  /* A bound netlink socket that is not connected sends to port 0, the kernel. */
  ssize_t sent = send(fd, part->iov_base, part->iov_len, 0);
  return sent < 0 ? -errno : sent;
}

ssize_t netlink_receive(int fd, struct iovec *part, int flags) {
  for (;;) {
    struct sockaddr_nl sender = {0};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = part, .msg_iovlen = 1};
    ssize_t received = recvmsg(fd, &message, flags | MSG_TRUNC);
    if (received < 0) return -errno;
    if (!is_netlink(&message, &sender)) return -EINVAL;
    /* Another process with CAP_NET_ADMIN can send us whatever it likes. */
    if (sender.nl_pid == 0) return received;
  }
}

int netlink_receive_many(int fd, void *buffer, size_t size, int slot, int32_t *lengths, size_t count, int flags) {
  if (count > MAX_SLOTS) count = MAX_SLOTS;
  if (slot <= 0 || count == 0 || size / (size_t)slot < count || !are_flags(flags)) return -EINVAL;
  struct mmsghdr messages[MAX_SLOTS];
  struct sockaddr_nl senders[MAX_SLOTS];
  struct iovec parts[MAX_SLOTS];
  memset(messages, 0, count * sizeof(*messages));
  for (size_t i = 0; i < count; i++) {
    parts[i] = (struct iovec){.iov_base = (char *)buffer + i * (size_t)slot, .iov_len = (size_t)slot};
    messages[i].msg_hdr.msg_name = &senders[i];
    messages[i].msg_hdr.msg_namelen = sizeof(senders[i]);
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int received = recvmmsg(fd, messages, (unsigned int)count, flags | MSG_WAITFORONE | MSG_TRUNC, NULL);
  if (received < 0) return -errno;
  for (int i = 0; i < received; i++) {
    bool from_kernel = is_netlink(&messages[i].msg_hdr, &senders[i]) && senders[i].nl_pid == 0;
    lengths[i] = from_kernel ? (int32_t)messages[i].msg_len : 0;
  }
  return received;
}

int netlink_set_option(int fd, int level, int name, int value) {
  return answer(setsockopt(fd, level, name, &value, sizeof(value)));
}

int netlink_get_option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, level, name, &value, &size) < 0 ? -errno : value;
}

int netlink_memory(int fd, uint32_t *members) {
  socklen_t size = MEMORY_MEMBERS * sizeof(*members);
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, members, &size) < 0) return -errno;
  return size < MEMORY_MEMBERS * sizeof(*members) ? -ENOSYS : 0;
}

int wait_for(int fd, short events, int timeout_ms) {
  /* poll(2) ignores a negative descriptor, and would sleep on it. */
  if (fd < 0) return -EBADF;
  /* A signal that comes just before the call would be missed, were it not for the eventfd. */
  struct pollfd waiting[] = {{.fd = fd, .events = events}, {.fd = signal_event, .events = POLLIN}};
  int ready = poll(waiting, events == POLLOUT && timeout_ms >= 0 ? 1 : 2, timeout_ms);
  if (ready > 0 && waiting[1].revents != 0) return -EINTR;
  if (ready > 0 && (waiting[0].revents & POLLNVAL) != 0) return -EBADF;
  return answer(ready);
}

static void note_signal(int number) {
  int error = errno;
  last_signal = number;
  noted[number] = 1;
  uint64_t one = 1;
  /* A full counter is readable too; there is nothing to do about any other failure. */
  ssize_t written = write(signal_event, &one, sizeof(one));
  (void)written;
  errno = error;
}

int catch_signal(int number) {
  if (signal_event < 0) signal_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_event < 0) return -errno;
  struct sigaction action = {.sa_handler = note_signal};
  sigemptyset(&action.sa_mask);
  return answer(sigaction(number, &action, NULL));
}

int caught_signal(void) {
  return last_signal;
}

int take_signal(void) {
  /* What comes from here on makes it readable again. */
  uint64_t count;
  ssize_t got = signal_event < 0 ? 0 : read(signal_event, &count, sizeof(count));
  (void)got;
  last_signal = 0;
  for (int number = 1; number < NSIG; number++) {
    if (!noted[number]) continue;
    noted[number] = 0;
    return number;
  }
  return 0;
}

int set_signal(int number, bool ignored) {
  return signal(number, ignored ? SIG_IGN : SIG_DFL) == SIG_ERR ? -errno : 0;
}

int local_time(double seconds, int32_t *members) {
  if (!(seconds >= -1e15 && seconds <= 1e15)) return -EINVAL;
  time_t time = (time_t)seconds;
  struct tm tm;
  tzset();
  if (localtime_r(&time, &tm) == NULL) return -EOVERFLOW;
  const int32_t values[LOCAL_TIME_MEMBERS] = {tm.tm_sec, tm.tm_min,  tm.tm_hour, tm.tm_mday,
                                              tm.tm_mon, tm.tm_year, tm.tm_wday};
  memcpy(members, values, sizeof(values));
  return 0;
}

int window_size(int fd, int32_t *size) {
  struct winsize window;
  if (ioctl(fd, TIOCGWINSZ, &window) < 0) return -errno;
  size[0] = window.ws_col;
  size[1] = window.ws_row;
  return 0;
}

int set_terminal_raw(int fd, bool raw) {
  static struct termios before;
  static bool is_raw;
  if (!raw) {
    if (!is_raw) return 0;
    is_raw = false;
    return answer(tcsetattr(fd, TCSANOW, &before));
  }
  if (!is_raw && tcgetattr(fd, &before) < 0) return -errno;
  struct termios now = before;
  cfmakeraw(&now);
  /* Lines that others write still begin at the left. */
  now.c_oflag |= before.c_oflag & (OPOST | ONLCR);
  if (tcsetattr(fd, TCSANOW, &now) < 0) return -errno;
  is_raw = true;
  return 0;
}

int unshare_network(void) {
  return answer(unshare(CLONE_NEWNET));
}

int set_network(int fd) {
  return answer(setns(fd, CLONE_NEWNET));
}
