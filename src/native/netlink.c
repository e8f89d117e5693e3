/*
 * The socket calls that Node lacks, for src/netlink/backend/napi.ts. No netlink attribute is read here: messages go
 * through as bytes, and everything that could get them wrong is TypeScript.
 *
 * Every function answers with a number: a result from 0 up, or -errno. None throws, and none trusts its arguments:
 * one that is missing, of another type or out of its buffer's bounds gives -EINVAL, a closed descriptor (-1) -EBADF.
 * EINTR is not retried; only the caller knows whether a signal should end the wait.
 *
 * The one state of the process here is that of the signals; sockets belong to the environment that opened them, a
 * worker thread or the main one. Of the two kinds of threads here one only receives, so that the kernel makes the next
 * part of a dump while JavaScript reads the last one; the other only waits, so that the event loop need not.
 */
#define _GNU_SOURCE /* recvmmsg, setns, unshare */
#define NAPI_VERSION 8
#include <node_api.h>

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* How many datagrams one receiveMany takes at most: their headers live on the stack. */
#define MAX_SLOTS 64

/* The last signal that catchSignals noted, and an eventfd that has been readable since; -1 before the first call. */
static volatile sig_atomic_t caught_signal;
static int signal_event = -1;

/* The sockets of an environment (the main thread, or a worker): what it leaves open is closed when it goes. */
struct sockets {
  size_t count, room;
  int *fds;
};

static void finalize_sockets(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct sockets *sockets = data;
  for (size_t i = 0; i < sockets->count; i++)
    close(sockets->fds[i]);
  free(sockets->fds);
  free(sockets);
}

static struct sockets *sockets_of(napi_env env) {
  void *data = NULL;
  return napi_get_instance_data(env, &data) == napi_ok ? data : NULL;
}

/* Without the memory to note it the socket is as good as any other, but for a worker that ends. */
static void note_socket(napi_env env, int fd) {
  struct sockets *sockets = sockets_of(env);
  if (sockets == NULL) return;
  if (sockets->count == sockets->room) {
    size_t room = sockets->room == 0 ? 8 : 2 * sockets->room;
    int *fds = realloc(sockets->fds, room * sizeof(*fds));
    if (fds == NULL) return;
    sockets->fds = fds;
    sockets->room = room;
  }
  sockets->fds[sockets->count++] = fd;
}

static void forget_socket(napi_env env, int fd) {
  struct sockets *sockets = sockets_of(env);
  for (size_t i = 0; sockets != NULL && i < sockets->count; i++) {
    if (sockets->fds[i] == fd) {
      sockets->fds[i] = sockets->fds[--sockets->count];
      return;
    }
  }
}

static napi_value result(napi_env env, int value) {
  napi_value number = NULL;
  napi_create_int32(env, value, &number);
  return number;
}

/* What a system call returned, with errno in place of -1. */
static napi_value answer(napi_env env, ssize_t returned) {
  return result(env, returned < 0 ? -errno : (int)returned);
}

/* Missing arguments arrive as undefined, which none of the readers below accepts. */
static bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  return napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok;
}

/* Reads a double, because napi_get_value_int32 would quietly turn NaN, 0.5 and 2^32 into 0. */
static bool get_int(napi_env env, napi_value value, int *number) {
  double wide;
  if (napi_get_value_double(env, value, &wide) != napi_ok || !(wide >= INT_MIN && wide <= INT_MAX)) return false;
  *number = (int)wide;
  return *number == wide;
}

/* A typed array of the given type. One whose buffer was detached has length 0, so no offset is within its bounds. */
static bool get_array(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted;
}

/* The part [offset, offset + length) of a Uint8Array, which must lie within it and hold a byte at least. */
static bool get_part(napi_env env, napi_value array, napi_value offset, napi_value length, struct iovec *part) {
  void *data;
  size_t size;
  int from, count;
  if (!get_array(env, array, napi_uint8_array, &data, &size)) return false;
  if (!get_int(env, offset, &from) || !get_int(env, length, &count)) return false;
  if (from < 0 || count <= 0 || (size_t)from > size || (size_t)count > size - (size_t)from) return false;
  part->iov_base = (char *)data + from;
  part->iov_len = (size_t)count;
  return true;
}

/* MSG_DONTWAIT is all that a caller may ask for: with MSG_PEEK, receive would never get past a foreign datagram. */
static bool get_flags(napi_env env, napi_value value, int *flags) {
  return get_int(env, value, flags) && (*flags & ~MSG_DONTWAIT) == 0;
}

static bool is_netlink(const struct msghdr *message, const struct sockaddr_nl *sender) {
  return message->msg_namelen == sizeof(*sender) && sender->nl_family == AF_NETLINK;
}

/* open(portId: Uint32Array): a descriptor. Writes the port id that the kernel chose to portId[0]. */
static napi_value netlink_open(napi_env env, napi_callback_info info) {
  napi_value argument;
  void *port_id;
  size_t length;
  if (!get_arguments(env, info, 1, &argument) || !get_array(env, argument, napi_uint32_array, &port_id, &length) ||
      length < 1) {
    return result(env, -EINVAL);
  }
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return result(env, -errno);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  socklen_t size = sizeof(address);
  if (bind(fd, (struct sockaddr *)&address, size) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
    int error = errno;
    close(fd);
    return result(env, -error);
  }
  *(uint32_t *)port_id = address.nl_pid;
  note_socket(env, fd);
  return result(env, fd);
}

/* send(fd, buffer, offset, length): the bytes sent. */
static napi_value netlink_send(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  /* A bound netlink socket that is not connected sends to port 0, the kernel. */
  return answer(env, send(fd, part.iov_base, part.iov_len, 0));
}

/* The true length of the next datagram from the kernel, or -errno. */
static ssize_t receive_datagram(int fd, struct iovec *part, int flags) {
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

/* receive(fd, buffer, offset, length, flags): the true length of the next datagram from the kernel. */
static napi_value netlink_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int fd, flags;
  struct iovec part;
  if (!get_arguments(env, info, 5, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part) || !get_flags(env, arguments[4], &flags)) {
    return result(env, -EINVAL);
  }
  return result(env, (int)receive_datagram(fd, &part, flags));
}

#define AHEAD_SLOTS 8
#define AHEAD_SLOT_BYTES 65536

/*
 * Datagrams on their way from a thread that receives them to the one that takes them. `filled` and `taken` only grow;
 * slot i % AHEAD_SLOTS holds datagram i while taken <= i < filled. The last datagram is the -errno that ended the
 * receiving.
 */
struct ahead {
  int fd;
  bool stopping;
  unsigned filled, taken;
  ssize_t lengths[AHEAD_SLOTS];
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  char slots[AHEAD_SLOTS][AHEAD_SLOT_BYTES];
};

static void *receive_ahead(void *argument) {
  struct ahead *ahead = argument;
  for (bool ended = false; !ended;) {
    pthread_mutex_lock(&ahead->mutex);
    while (ahead->filled - ahead->taken == AHEAD_SLOTS && !ahead->stopping) {
      pthread_cond_wait(&ahead->changed, &ahead->mutex);
    }
    unsigned slot = ahead->filled % AHEAD_SLOTS;
    ended = ahead->stopping;
    pthread_mutex_unlock(&ahead->mutex);
    if (ended) break;

    struct iovec part = {.iov_base = ahead->slots[slot], .iov_len = AHEAD_SLOT_BYTES};
    ssize_t length;
    do
      length = receive_datagram(ahead->fd, &part, MSG_DONTWAIT);
    while (length == -EINTR);
    ended = length < 0;

    pthread_mutex_lock(&ahead->mutex);
    ahead->lengths[slot] = length;
    ahead->filled++;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
  }
  return NULL;
}

/* Ends the thread, which never waits for the kernel, and frees everything. */
static void stop_ahead(struct ahead *ahead) {
  pthread_mutex_lock(&ahead->mutex);
  ahead->stopping = true;
  pthread_cond_signal(&ahead->changed);
  pthread_mutex_unlock(&ahead->mutex);
  pthread_join(ahead->thread, NULL);
  pthread_cond_destroy(&ahead->changed);
  pthread_mutex_destroy(&ahead->mutex);
  free(ahead);
}

/* The box that JavaScript holds; empty once the reading ahead was stopped. */
struct ahead_box {
  struct ahead *ahead;
};

static void finalize_box(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct ahead_box *box = data;
  if (box->ahead != NULL) stop_ahead(box->ahead);
  free(box);
}

static const napi_type_tag ahead_tag = {0x6e65746c696e6b21, 0x7265616461686561};

static bool get_box(napi_env env, napi_value value, struct ahead_box **box) {
  bool ours = false;
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
         napi_check_object_type_tag(env, value, &ahead_tag, &ours) == napi_ok && ours &&
         napi_get_value_external(env, value, (void **)box) == napi_ok;
}

/* Signals are for the threads that were there before. */
static int start_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, NULL, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

/* readAhead(fd): an object for takeAhead and stopAhead; a thread receives without waiting until there is nothing more.
 */
static napi_value netlink_read_ahead(napi_env env, napi_callback_info info) {
  napi_value argument, external;
  int fd;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &fd)) return result(env, -EINVAL);
  struct ahead_box *box = calloc(1, sizeof(*box));
  struct ahead *ahead = malloc(sizeof(*ahead));
  if (box == NULL || ahead == NULL) {
    free(box);
    free(ahead);
    return result(env, -ENOMEM);
  }
  ahead->fd = fd;
  ahead->stopping = false;
  ahead->filled = ahead->taken = 0;
  pthread_mutex_init(&ahead->mutex, NULL);
  pthread_cond_init(&ahead->changed, NULL);
  int error = start_thread(&ahead->thread, receive_ahead, ahead);
  if (error != 0) {
    free(ahead);
    free(box);
    return result(env, -error);
  }
  box->ahead = ahead;
  if (napi_create_external(env, box, finalize_box, NULL, &external) != napi_ok) {
    stop_ahead(ahead);
    free(box);
    return result(env, -ENOMEM);
  }
  if (napi_type_tag_object(env, external, &ahead_tag) != napi_ok) return result(env, -ENOMEM);
  return external;
}

/* takeAhead(ahead, buffer, offset, length): as receive, from what was received ahead; waits for the thread. */
static napi_value netlink_take_ahead(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct ahead_box *box;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_box(env, arguments[0], &box) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  struct ahead *ahead = box->ahead;
  if (ahead == NULL) return result(env, -EBADF);
  pthread_mutex_lock(&ahead->mutex);
  while (ahead->filled == ahead->taken)
    pthread_cond_wait(&ahead->changed, &ahead->mutex);
  unsigned slot = ahead->taken % AHEAD_SLOTS;
  ssize_t length = ahead->lengths[slot];
  pthread_mutex_unlock(&ahead->mutex);
  /* Nothing comes behind an error: it stays to be taken again. */
  if (length < 0) return result(env, (int)length);
  size_t held = (size_t)length < AHEAD_SLOT_BYTES ? (size_t)length : AHEAD_SLOT_BYTES;
  memcpy(part.iov_base, ahead->slots[slot], held < part.iov_len ? held : part.iov_len);
  pthread_mutex_lock(&ahead->mutex);
  ahead->taken++;
  pthread_cond_signal(&ahead->changed);
  pthread_mutex_unlock(&ahead->mutex);
  return result(env, (int)length);
}

/* stopAhead(ahead): 0. What was received and not taken is lost. */
static napi_value netlink_stop_ahead(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct ahead_box *box;
  if (!get_arguments(env, info, 1, &argument) || !get_box(env, argument, &box)) return result(env, -EINVAL);
  if (box->ahead != NULL) stop_ahead(box->ahead);
  box->ahead = NULL;
  return result(env, 0);
}

/* A thread that waits for input, once. `stop` is an eventfd that ends the wait. */
struct wait {
  int fd, stop;
  bool joined;
  pthread_t thread;
  napi_threadsafe_function call;
};

static void *wait_for_input(void *argument) {
  struct wait *wait = argument;
  struct pollfd waiting[] = {{.fd = wait->stop, .events = POLLIN}, {.fd = wait->fd, .events = POLLIN}};
  while (poll(waiting, 2, -1) < 0 && errno == EINTR) {
  }
  if (waiting[0].revents == 0) napi_call_threadsafe_function(wait->call, NULL, napi_tsfn_nonblocking);
  napi_release_threadsafe_function(wait->call, napi_tsfn_release);
  return NULL;
}

/* Ends the thread: before its environment does, or when it is through anyway. */
static void end_wait(void *data) {
  struct wait *wait = data;
  if (wait->joined) return;
  uint64_t one = 1;
  ssize_t written = write(wait->stop, &one, sizeof(one));
  (void)written;
  pthread_join(wait->thread, NULL);
  wait->joined = true;
}

static void finalize_wait(napi_env env, void *data, void *hint) {
  (void)hint;
  struct wait *wait = data;
  end_wait(wait);
  napi_remove_env_cleanup_hook(env, end_wait, wait);
  close(wait->stop);
  free(wait);
}

/*
 * whenReadable(fd, callback): an eventfd to write to, before the callback is called, so that it is not. The callback is
 * called once, from the event loop, when there is input or an error to fetch; until then the loop does not end.
 */
static napi_value netlink_when_readable(napi_env env, napi_callback_info info) {
  napi_value arguments[2], name;
  int fd;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd)) return result(env, -EINVAL);
  if (fd < 0) return result(env, -EBADF);
  int stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop < 0) return result(env, -errno);
  struct wait *wait = calloc(1, sizeof(*wait));
  if (wait == NULL) {
    close(stop);
    return result(env, -ENOMEM);
  }
  *wait = (struct wait){.fd = fd, .stop = stop};
  if (napi_create_string_utf8(env, "netlink", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, arguments[1], NULL, name, 0, 1, wait, finalize_wait, NULL, NULL,
                                      &wait->call) != napi_ok) {
    close(stop);
    free(wait);
    return result(env, -EINVAL);
  }
  int error = start_thread(&wait->thread, wait_for_input, wait);
  if (error != 0) {
    wait->joined = true;
    napi_release_threadsafe_function(wait->call, napi_tsfn_abort);
    return result(env, -error);
  }
  napi_add_env_cleanup_hook(env, end_wait, wait);
  return result(env, stop);
}

/* receiveMany(fd, buffer, slot, lengths: Int32Array, flags): how many slots are filled. */
static napi_value netlink_receive_many(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int fd, slot, flags;
  void *data, *lengths;
  size_t size, count;
  if (!get_arguments(env, info, 5, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_array(env, arguments[1], napi_uint8_array, &data, &size) || !get_int(env, arguments[2], &slot) ||
      !get_array(env, arguments[3], napi_int32_array, &lengths, &count) || !get_flags(env, arguments[4], &flags)) {
    return result(env, -EINVAL);
  }
  if (count > MAX_SLOTS) count = MAX_SLOTS;
  if (slot <= 0 || count == 0 || size / (size_t)slot < count) return result(env, -EINVAL);

  struct mmsghdr messages[MAX_SLOTS];
  struct sockaddr_nl senders[MAX_SLOTS];
  struct iovec parts[MAX_SLOTS];
  memset(messages, 0, count * sizeof(*messages));
  for (size_t i = 0; i < count; i++) {
    parts[i] = (struct iovec){.iov_base = (char *)data + i * (size_t)slot, .iov_len = (size_t)slot};
    messages[i].msg_hdr.msg_name = &senders[i];
    messages[i].msg_hdr.msg_namelen = sizeof(senders[i]);
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int received = recvmmsg(fd, messages, (unsigned int)count, flags | MSG_WAITFORONE | MSG_TRUNC, NULL);
  if (received < 0) return result(env, -errno);
  for (int i = 0; i < received; i++) {
    bool from_kernel = is_netlink(&messages[i].msg_hdr, &senders[i]) && senders[i].nl_pid == 0;
    ((int32_t *)lengths)[i] = from_kernel ? (int32_t)messages[i].msg_len : 0;
  }
  return result(env, received);
}

/* setOption(fd, level, name, value): 0. */
static napi_value netlink_set_option(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd, level, name, value;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &level) || !get_int(env, arguments[2], &name) ||
      !get_int(env, arguments[3], &value)) {
    return result(env, -EINVAL);
  }
  return answer(env, setsockopt(fd, level, name, &value, sizeof(value)));
}

/* getOption(fd, level, name): the option's value. */
static napi_value netlink_get_option(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int fd, level, name, value = 0;
  socklen_t size = sizeof(value);
  if (!get_arguments(env, info, 3, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &level) || !get_int(env, arguments[2], &name)) {
    return result(env, -EINVAL);
  }
  if (getsockopt(fd, level, name, &value, &size) < 0) return result(env, -errno);
  return result(env, value);
}

/* A wait for output that has its limit is not cut short by a signal that was noted before. */
static napi_value wait_for(napi_env env, napi_callback_info info, short events) {
  napi_value arguments[2];
  int fd, timeout;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &timeout)) {
    return result(env, -EINVAL);
  }
  /* poll(2) ignores a negative descriptor, and would sleep on it. */
  if (fd < 0) return result(env, -EBADF);
  /* A signal that comes just before the call would be missed, were it not for the eventfd. */
  struct pollfd waiting[] = {{.fd = fd, .events = events}, {.fd = signal_event, .events = POLLIN}};
  int ready = poll(waiting, events == POLLOUT && timeout >= 0 ? 1 : 2, timeout);
  if (ready > 0 && waiting[1].revents != 0) return result(env, -EINTR);
  if (ready > 0 && (waiting[0].revents & POLLNVAL) != 0) return result(env, -EBADF);
  return answer(env, ready);
}

/* poll(fd, timeoutMs): 1 when there is input or an error to fetch, 0 after the timeout. */
static napi_value netlink_poll(napi_env env, napi_callback_info info) {
  return wait_for(env, info, POLLIN);
}

/* pollOut(fd, timeoutMs): 1 when a write of PIPE_BUF bytes would not block, 0 after the timeout. */
static napi_value netlink_poll_out(napi_env env, napi_callback_info info) {
  return wait_for(env, info, POLLOUT);
}

/* write(fd, buffer, offset, length): the bytes written. */
static napi_value netlink_write(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  return answer(env, write(fd, part.iov_base, part.iov_len));
}

static void note_signal(int number) {
  int error = errno;
  caught_signal = number;
  uint64_t one = 1;
  /* A full counter is readable too; there is nothing to do about any other failure. */
  ssize_t written = write(signal_event, &one, sizeof(one));
  (void)written;
  errno = error;
}

/* catchSignal(number): 0. From now on the signal is noted; there is no SA_RESTART, so it ends a write that waits. */
static napi_value netlink_catch_signal(napi_env env, napi_callback_info info) {
  napi_value argument;
  int number;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &number)) return result(env, -EINVAL);
  if (signal_event < 0) signal_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_event < 0) return result(env, -errno);
  struct sigaction action = {.sa_handler = note_signal};
  sigemptyset(&action.sa_mask);
  return answer(env, sigaction(number, &action, NULL));
}

/* caughtSignal(): the number of the last signal noted, or 0. */
static napi_value netlink_caught_signal(napi_env env, napi_callback_info info) {
  (void)info;
  return result(env, caught_signal);
}

/* close(fd): 0. */
static napi_value netlink_close(napi_env env, napi_callback_info info) {
  napi_value argument;
  int fd;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &fd)) return result(env, -EINVAL);
  forget_socket(env, fd);
  return answer(env, close(fd));
}

/* strerror(errno): the C library's text, a string. */
static napi_value netlink_strerror(napi_env env, napi_callback_info info) {
  napi_value argument, text;
  int error;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &error)) return result(env, -EINVAL);
  if (napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &text) != napi_ok) return result(env, -ENOMEM);
  return text;
}

/* defaultSigpipe(): 0. */
static napi_value netlink_default_sigpipe(napi_env env, napi_callback_info info) {
  (void)info;
  return answer(env, signal(SIGPIPE, SIG_DFL) == SIG_ERR ? -1 : 0);
}

/* localTime(seconds, tm: Int32Array): 0. Fills the first seven members of struct tm by the time zone that TZ says now.
 */
static napi_value netlink_local_time(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  double seconds;
  void *members;
  size_t count;
  if (!get_arguments(env, info, 2, arguments) || napi_get_value_double(env, arguments[0], &seconds) != napi_ok ||
      !(seconds >= -1e15 && seconds <= 1e15) || !get_array(env, arguments[1], napi_int32_array, &members, &count) ||
      count < 7) {
    return result(env, -EINVAL);
  }
  time_t time = (time_t)seconds;
  struct tm tm;
  tzset();
  if (localtime_r(&time, &tm) == NULL) return result(env, -EOVERFLOW);
  const int32_t values[] = {tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon, tm.tm_year, tm.tm_wday};
  memcpy(members, values, sizeof(values));
  return result(env, 0);
}

/* exit(status): does not return. Node's own exit would put back the terminal, and abort where that is gone. */
static napi_value netlink_exit(napi_env env, napi_callback_info info) {
  napi_value argument;
  int status;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &status)) return result(env, -EINVAL);
  _exit(status);
}

/* setSignal(number, ignored): 0. The signal gets its default action, or is ignored. */
static napi_value netlink_set_signal(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int number, ignored;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &number) ||
      !get_int(env, arguments[1], &ignored)) {
    return result(env, -EINVAL);
  }
  return answer(env, signal(number, ignored ? SIG_IGN : SIG_DFL) == SIG_ERR ? -1 : 0);
}

/* unshareNetwork(): 0. */
static napi_value netlink_unshare_network(napi_env env, napi_callback_info info) {
  (void)info;
  return answer(env, unshare(CLONE_NEWNET));
}

/* setNetwork(fd): 0. */
static napi_value netlink_set_network(napi_env env, napi_callback_info info) {
  napi_value argument;
  int fd;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &fd)) return result(env, -EINVAL);
  return answer(env, setns(fd, CLONE_NEWNET));
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {.utf8name = "open", .method = netlink_open},
      {.utf8name = "send", .method = netlink_send},
      {.utf8name = "receive", .method = netlink_receive},
      {.utf8name = "readAhead", .method = netlink_read_ahead},
      {.utf8name = "takeAhead", .method = netlink_take_ahead},
      {.utf8name = "stopAhead", .method = netlink_stop_ahead},
      {.utf8name = "whenReadable", .method = netlink_when_readable},
      {.utf8name = "receiveMany", .method = netlink_receive_many},
      {.utf8name = "setOption", .method = netlink_set_option},
      {.utf8name = "getOption", .method = netlink_get_option},
      {.utf8name = "poll", .method = netlink_poll},
      {.utf8name = "write", .method = netlink_write},
      {.utf8name = "catchSignal", .method = netlink_catch_signal},
      {.utf8name = "caughtSignal", .method = netlink_caught_signal},
      {.utf8name = "pollOut", .method = netlink_poll_out},
      {.utf8name = "close", .method = netlink_close},
      {.utf8name = "strerror", .method = netlink_strerror},
      {.utf8name = "defaultSigpipe", .method = netlink_default_sigpipe},
      {.utf8name = "localTime", .method = netlink_local_time},
      {.utf8name = "exit", .method = netlink_exit},
      {.utf8name = "setSignal", .method = netlink_set_signal},
      {.utf8name = "unshareNetwork", .method = netlink_unshare_network},
      {.utf8name = "setNetwork", .method = netlink_set_network},
  };
  /* Finalizers run in the reverse order of their making: by then no thread uses a socket. */
  struct sockets *sockets = calloc(1, sizeof(*sockets));
  if (sockets != NULL && napi_set_instance_data(env, sockets, finalize_sockets, NULL) != napi_ok) free(sockets);
  napi_define_properties(env, exports, sizeof(functions) / sizeof(*functions), functions);
  return exports;
}
