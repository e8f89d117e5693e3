/*
 * The binding for Node: what src/netlink/backend/napi.ts loads. netlink.h says what the calls do.
 *
 * Every function answers with a number: a result from 0 up, or -errno. None throws, and none trusts its arguments:
 * one that is missing, of another type or out of its buffer's bounds gives -EINVAL. Sockets belong to the
 * environment that opened them, a worker thread or the main one. Of the two kinds of threads here one only receives, so
 * that the kernel makes the next part of a dump while JavaScript reads the last one; the other only waits, so that the
 * event loop need not.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>

#include "lines.h"
#include "netlink.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct ahead;
static void free_all_ahead(struct ahead *first);

/*
 * The sockets of an environment (the main thread, or a worker): what it leaves open is closed when it goes. `ending`
 * are the readings ahead that were stopped and whose thread may still wait for the kernel.
 */
struct sockets {
  size_t count, room;
  int *fds;
  struct ahead *ending;
};

static void finalize_sockets(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct sockets *sockets = data;
  free_all_ahead(sockets->ending);
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

static bool get_int(napi_env env, napi_value value, int *number) {
  double wide;
  return napi_get_value_double(env, value, &wide) == napi_ok && whole_number(wide, number);
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
  if (!is_part(from, count, size)) return false;
  part->iov_base = (char *)data + from;
  part->iov_len = (size_t)count;
  return true;
}

static bool get_flags(napi_env env, napi_value value, int *flags) {
  return get_int(env, value, flags) && are_flags(*flags);
}

/* open(portId: Uint32Array): a descriptor. Writes the port id that the kernel chose to portId[0]. */
static napi_value call_open(napi_env env, napi_callback_info info) {
  napi_value argument;
  void *port_id;
  size_t length;
  if (!get_arguments(env, info, 1, &argument) || !get_array(env, argument, napi_uint32_array, &port_id, &length) ||
      length < 1) {
    return result(env, -EINVAL);
  }
  int fd = netlink_open(port_id);
  if (fd >= 0) note_socket(env, fd);
  return result(env, fd);
}

/* send(fd, buffer, offset, length): the bytes sent. */
static napi_value call_send(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  return result(env, (int)netlink_send(fd, &part));
}

/* receive(fd, buffer, offset, length, flags): the true length of the next datagram from the kernel. */
static napi_value call_receive(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int fd, flags;
  struct iovec part;
  if (!get_arguments(env, info, 5, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part) || !get_flags(env, arguments[4], &flags)) {
    return result(env, -EINVAL);
  }
  return result(env, (int)netlink_receive(fd, &part, flags));
}

#define AHEAD_SLOTS 8
#define AHEAD_SLOT_BYTES 65536

/*
 * Datagrams on their way from a thread that receives them to the one that takes them. `filled` and `taken` only grow;
 * slot i % AHEAD_SLOTS holds datagram i while taken <= i < filled. The last datagram is the -errno that ended the
 * receiving.
 *
 * For an event loop, which must not wait: the thread also sends the request, because the kernel makes the first part of
 * a dump while it is sent, and `ready` has JavaScript called when something is there that was `awaited`.
 */
struct ahead {
  int fd;
  bool stopping, awaited, ended;
  napi_threadsafe_function ready;
  struct iovec request;
  struct ahead *next;
  unsigned filled, taken;
  ssize_t lengths[AHEAD_SLOTS];
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  char slots[AHEAD_SLOTS][AHEAD_SLOT_BYTES];
};

static void *receive_ahead(void *argument) {
  struct ahead *ahead = argument;
  ssize_t sent = 0;
  if (ahead->request.iov_base != NULL) {
    do
      sent = netlink_send(ahead->fd, &ahead->request);
    while (sent == -EINTR);
  }
  for (bool over = false; !over;) {
    pthread_mutex_lock(&ahead->mutex);
    while (ahead->filled - ahead->taken == AHEAD_SLOTS && !ahead->stopping) {
      pthread_cond_wait(&ahead->changed, &ahead->mutex);
    }
    unsigned slot = ahead->filled % AHEAD_SLOTS;
    over = ahead->stopping;
    pthread_mutex_unlock(&ahead->mutex);
    if (over) break;

    struct iovec part = {.iov_base = ahead->slots[slot], .iov_len = AHEAD_SLOT_BYTES};
    ssize_t length = sent;
    while (sent >= 0 && (length = netlink_receive(ahead->fd, &part, MSG_DONTWAIT)) == -EINTR) {
    }
    over = length < 0;

    pthread_mutex_lock(&ahead->mutex);
    ahead->lengths[slot] = length;
    ahead->filled++;
    pthread_cond_signal(&ahead->changed);
    /* Once it is stopping, the function may be gone. */
    if (ahead->awaited && !ahead->stopping) {
      napi_call_threadsafe_function(ahead->ready, NULL, napi_tsfn_nonblocking);
      ahead->awaited = false;
    }
    pthread_mutex_unlock(&ahead->mutex);
  }
  pthread_mutex_lock(&ahead->mutex);
  ahead->ended = true;
  pthread_mutex_unlock(&ahead->mutex);
  return NULL;
}

/* Calls JavaScript, which waits no longer: the event loop may end. Without an environment it is too late for either. */
static void call_ready(napi_env env, napi_value callback, void *context, void *data) {
  (void)data;
  if (env == NULL || callback == NULL) return;
  struct ahead *ahead = context;
  napi_value undefined;
  napi_unref_threadsafe_function(env, ahead->ready);
  if (napi_get_undefined(env, &undefined) == napi_ok) napi_call_function(env, undefined, callback, 0, NULL, NULL);
}

static void halt_ahead(struct ahead *ahead) {
  pthread_mutex_lock(&ahead->mutex);
  ahead->stopping = true;
  pthread_cond_signal(&ahead->changed);
  pthread_mutex_unlock(&ahead->mutex);
}

/* Waits for the thread, which ends with the call that it is in, and frees everything. */
static void free_ahead(struct ahead *ahead) {
  pthread_join(ahead->thread, NULL);
  pthread_cond_destroy(&ahead->changed);
  pthread_mutex_destroy(&ahead->mutex);
  free(ahead->request.iov_base);
  free(ahead);
}

static void free_all_ahead(struct ahead *first) {
  while (first != NULL) {
    struct ahead *next = first->next;
    free_ahead(first);
    first = next;
  }
}

static bool has_ended(struct ahead *ahead) {
  pthread_mutex_lock(&ahead->mutex);
  bool ended = ahead->ended;
  pthread_mutex_unlock(&ahead->mutex);
  return ended;
}

/* Frees those of the readings that were stopped whose threads have ended meanwhile. */
static void free_ended(struct sockets *sockets) {
  struct ahead **link = &sockets->ending;
  while (*link != NULL) {
    struct ahead *ahead = *link;
    if (has_ended(ahead)) {
      *link = ahead->next;
      free_ahead(ahead);
    } else {
      link = &ahead->next;
    }
  }
}

/* The box that JavaScript holds; empty once the reading ahead was stopped. */
struct ahead_box {
  struct ahead *ahead;
};

/* Before an environment goes, its threads do: neither the function that they call nor their code is there for ever. */
static void end_ahead(void *data) {
  struct ahead *ahead = data;
  halt_ahead(ahead);
  ahead->ready = NULL;
}

/* A thread that receives for an event loop may be in a call of the kernel that takes long: it is freed later. */
static void stop_ahead(napi_env env, struct ahead *ahead) {
  struct sockets *sockets = sockets_of(env);
  bool for_loop = ahead->request.iov_base != NULL;
  halt_ahead(ahead);
  if (for_loop) {
    napi_remove_env_cleanup_hook(env, end_ahead, ahead);
    if (ahead->ready != NULL) napi_release_threadsafe_function(ahead->ready, napi_tsfn_abort);
  }
  if (!for_loop || sockets == NULL) {
    free_ahead(ahead);
    return;
  }
  ahead->next = sockets->ending;
  sockets->ending = ahead;
  free_ended(sockets);
}

static void finalize_box(napi_env env, void *data, void *hint) {
  (void)hint;
  struct ahead_box *box = data;
  if (box->ahead != NULL) stop_ahead(env, box->ahead);
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

/* What JavaScript gives of a reading for an event loop: the function to call, and the request to send first. */
static int set_request(napi_env env, struct ahead *ahead, napi_value callback, const struct iovec *request) {
  napi_value name;
  ahead->request.iov_base = malloc(request->iov_len);
  if (ahead->request.iov_base == NULL) return ENOMEM;
  ahead->request.iov_len = request->iov_len;
  memcpy(ahead->request.iov_base, request->iov_base, request->iov_len);
  if (napi_create_string_utf8(env, "netlink", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL, NULL, ahead, call_ready, &ahead->ready) !=
          napi_ok) {
    return EINVAL;
  }
  /* The event loop is kept alive only where somebody waits. */
  napi_unref_threadsafe_function(env, ahead->ready);
  return 0;
}

/*
 * readAhead(fd[, callback, buffer, offset, length]): an object for takeAhead and stopAhead; a thread receives without
 * waiting until there is nothing more. With a callback, the thread first sends that part of the buffer.
 */
static napi_value call_read_ahead(napi_env env, napi_callback_info info) {
  napi_value arguments[5], external;
  napi_valuetype type;
  int fd;
  struct iovec request = {0};
  if (!get_arguments(env, info, 5, arguments) || !get_int(env, arguments[0], &fd) ||
      napi_typeof(env, arguments[1], &type) != napi_ok) {
    return result(env, -EINVAL);
  }
  bool for_loop = type == napi_function;
  if (for_loop && !get_part(env, arguments[2], arguments[3], arguments[4], &request)) return result(env, -EINVAL);
  struct sockets *sockets = sockets_of(env);
  if (sockets != NULL) free_ended(sockets);
  struct ahead_box *box = calloc(1, sizeof(*box));
  struct ahead *ahead = malloc(sizeof(*ahead));
  if (box == NULL || ahead == NULL) {
    free(box);
    free(ahead);
    return result(env, -ENOMEM);
  }
  /* Not calloc: the slots need no zeroes. */
  ahead->fd = fd;
  ahead->stopping = ahead->awaited = ahead->ended = false;
  ahead->ready = NULL;
  ahead->request = (struct iovec){0};
  ahead->filled = ahead->taken = 0;
  pthread_mutex_init(&ahead->mutex, NULL);
  pthread_cond_init(&ahead->changed, NULL);
  int error = for_loop ? set_request(env, ahead, arguments[1], &request) : 0;
  if (error == 0) error = start_thread(&ahead->thread, receive_ahead, ahead);
  if (error != 0) {
    if (ahead->ready != NULL) napi_release_threadsafe_function(ahead->ready, napi_tsfn_abort);
    free(ahead->request.iov_base);
    free(ahead);
    free(box);
    return result(env, -error);
  }
  if (for_loop) napi_add_env_cleanup_hook(env, end_ahead, ahead);
  if (napi_create_external(env, box, finalize_box, NULL, &external) != napi_ok) {
    stop_ahead(env, ahead);
    free(box);
    return result(env, -ENOMEM);
  }
  box->ahead = ahead;
  if (napi_type_tag_object(env, external, &ahead_tag) != napi_ok) return result(env, -ENOMEM);
  return external;
}

/*
 * takeAhead(ahead, buffer, offset, length): as receive, from what was received ahead. Where nothing is there yet it
 * waits for the thread; one that works for an event loop gives -EINPROGRESS, and its callback is called when something
 * is.
 */
static napi_value call_take_ahead(napi_env env, napi_callback_info info) {
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
  if (ahead->ready != NULL && ahead->filled == ahead->taken) {
    if (!ahead->awaited) napi_ref_threadsafe_function(env, ahead->ready);
    ahead->awaited = true;
    pthread_mutex_unlock(&ahead->mutex);
    return result(env, -EINPROGRESS);
  }
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
static napi_value call_stop_ahead(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct ahead_box *box;
  if (!get_arguments(env, info, 1, &argument) || !get_box(env, argument, &box)) return result(env, -EINVAL);
  struct ahead *ahead = box->ahead;
  box->ahead = NULL;
  if (ahead != NULL) stop_ahead(env, ahead);
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
static napi_value call_when_readable(napi_env env, napi_callback_info info) {
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
static napi_value call_receive_many(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  int fd, slot, flags;
  void *data, *lengths;
  size_t size, count;
  if (!get_arguments(env, info, 5, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_array(env, arguments[1], napi_uint8_array, &data, &size) || !get_int(env, arguments[2], &slot) ||
      !get_array(env, arguments[3], napi_int32_array, &lengths, &count) || !get_flags(env, arguments[4], &flags)) {
    return result(env, -EINVAL);
  }
  return result(env, netlink_receive_many(fd, data, size, slot, lengths, count, flags));
}

/* setOption(fd, level, name, value): 0. */
static napi_value call_set_option(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd, level, name, value;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &level) || !get_int(env, arguments[2], &name) ||
      !get_int(env, arguments[3], &value)) {
    return result(env, -EINVAL);
  }
  return result(env, netlink_set_option(fd, level, name, value));
}

/* getOption(fd, level, name): the option's value. */
static napi_value call_get_option(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int fd, level, name;
  if (!get_arguments(env, info, 3, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &level) || !get_int(env, arguments[2], &name)) {
    return result(env, -EINVAL);
  }
  return result(env, netlink_get_option(fd, level, name));
}

/* memory(fd, members: Uint32Array): 0. Fills in the members of enum sk_meminfo. */
static napi_value call_memory(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  void *members;
  size_t count;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_array(env, arguments[1], napi_uint32_array, &members, &count) || count < MEMORY_MEMBERS) {
    return result(env, -EINVAL);
  }
  return result(env, netlink_memory(fd, members));
}

static napi_value call_wait(napi_env env, napi_callback_info info, short events) {
  napi_value arguments[2];
  int fd, timeout;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &timeout)) {
    return result(env, -EINVAL);
  }
  return result(env, wait_for(fd, events, timeout));
}

/* poll(fd, timeoutMs): 1 when there is input or an error to fetch, 0 after the timeout. */
static napi_value call_poll(napi_env env, napi_callback_info info) {
  return call_wait(env, info, POLLIN);
}

/* pollOut(fd, timeoutMs): 1 when a write of PIPE_BUF bytes would not block, 0 after the timeout. */
static napi_value call_poll_out(napi_env env, napi_callback_info info) {
  return call_wait(env, info, POLLOUT);
}

/* write(fd, buffer, offset, length): the bytes written. */
static napi_value call_write(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  return answer(env, write(fd, part.iov_base, part.iov_len));
}

/* catchSignal(number): 0. */
static napi_value call_catch_signal(napi_env env, napi_callback_info info) {
  napi_value argument;
  int number;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &number)) return result(env, -EINVAL);
  return result(env, catch_signal(number));
}

/* caughtSignal(): the number of the last signal noted, or 0. */
static napi_value call_caught_signal(napi_env env, napi_callback_info info) {
  (void)info;
  return result(env, caught_signal());
}

/* takeSignal(): the number of a signal that was noted, whose note is taken back, or 0. */
static napi_value call_take_signal(napi_env env, napi_callback_info info) {
  (void)info;
  return result(env, take_signal());
}

/* raise(number): 0. The signal goes to the whole process. */
static napi_value call_raise(napi_env env, napi_callback_info info) {
  napi_value argument;
  int number;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &number)) return result(env, -EINVAL);
  return answer(env, kill(getpid(), number));
}

/* read(fd, buffer, offset, length): the bytes read, 0 at the end. */
static napi_value call_read(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  int fd;
  struct iovec part;
  if (!get_arguments(env, info, 4, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_part(env, arguments[1], arguments[2], arguments[3], &part)) {
    return result(env, -EINVAL);
  }
  return answer(env, read(fd, part.iov_base, part.iov_len));
}

/* setTerminalRaw(fd, raw): 0. */
static napi_value call_set_terminal_raw(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd, raw;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_int(env, arguments[1], &raw)) {
    return result(env, -EINVAL);
  }
  return result(env, set_terminal_raw(fd, raw != 0));
}

/* close(fd): 0. */
static napi_value call_close(napi_env env, napi_callback_info info) {
  napi_value argument;
  int fd;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &fd)) return result(env, -EINVAL);
  forget_socket(env, fd);
  return answer(env, close(fd));
}

/* strerror(errno): the C library's text, a string. */
static napi_value call_strerror(napi_env env, napi_callback_info info) {
  napi_value argument, text;
  int error;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &error)) return result(env, -EINVAL);
  if (napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &text) != napi_ok) return result(env, -ENOMEM);
  return text;
}

/* defaultSigpipe(): 0. */
static napi_value call_default_sigpipe(napi_env env, napi_callback_info info) {
  (void)info;
  return result(env, set_signal(SIGPIPE, false));
}

/* localTime(seconds, tm: Int32Array): 0. Fills the first seven members of struct tm by the time zone that TZ says now.
 */
static napi_value call_local_time(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  double seconds;
  void *members;
  size_t count;
  if (!get_arguments(env, info, 2, arguments) || napi_get_value_double(env, arguments[0], &seconds) != napi_ok ||
      !get_array(env, arguments[1], napi_int32_array, &members, &count) || count < LOCAL_TIME_MEMBERS) {
    return result(env, -EINVAL);
  }
  return result(env, local_time(seconds, members));
}

/* windowSize(fd, size: Int32Array): 0. Fills in the columns and the rows of a terminal. */
static napi_value call_window_size(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  void *size;
  size_t count;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &fd) ||
      !get_array(env, arguments[1], napi_int32_array, &size, &count) || count < 2) {
    return result(env, -EINVAL);
  }
  return result(env, window_size(fd, size));
}

/* exit(status): does not return. Node's own exit would put back the terminal, and abort where that is gone. */
static napi_value call_exit(napi_env env, napi_callback_info info) {
  napi_value argument;
  int status;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &status)) return result(env, -EINVAL);
  _exit(status);
}

/* setSignal(number, ignored): 0. The signal gets its default action, or is ignored. */
static napi_value call_set_signal(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int number, ignored;
  if (!get_arguments(env, info, 2, arguments) || !get_int(env, arguments[0], &number) ||
      !get_int(env, arguments[1], &ignored)) {
    return result(env, -EINVAL);
  }
  return result(env, set_signal(number, ignored != 0));
}

static void finalize_traces(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  traces_free(data);
}

static const napi_type_tag traces_tag = {0x6e65746c696e6b21, 0x7472616365732121};

/* What an external with this tag holds; anything else is refused. */
static bool get_tagged(napi_env env, napi_value value, const napi_type_tag *tag, void **data) {
  bool ours = false;
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
         napi_check_object_type_tag(env, value, tag, &ours) == napi_ok && ours &&
         napi_get_value_external(env, value, data) == napi_ok;
}

/* An external with this tag that owns `data`, which may be NULL for want of memory; else -ENOMEM. */
static napi_value new_tagged(napi_env env, void *data, napi_finalize finalize, const napi_type_tag *tag) {
  napi_value external;
  if (data == NULL) return result(env, -ENOMEM);
  if (napi_create_external(env, data, finalize, NULL, &external) != napi_ok) {
    finalize(env, data, NULL);
    return result(env, -ENOMEM);
  }
  return napi_type_tag_object(env, external, tag) == napi_ok ? external : result(env, -ENOMEM);
}

static bool get_traces(napi_env env, napi_value value, struct traces **traces) {
  return get_tagged(env, value, &traces_tag, (void **)traces);
}

/* newTraces(): an object for the calls below. */
static napi_value call_new_traces(napi_env env, napi_callback_info info) {
  (void)info;
  return new_tagged(env, traces_new(), finalize_traces, &traces_tag);
}

/* addTrace(traces, mask, pattern, program: Uint16Array, constants): 0. */
static napi_value call_add_trace(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  struct traces *traces;
  void *mask, *pattern, *program, *constants;
  size_t mask_length, length, words, constants_length;
  if (!get_arguments(env, info, 5, arguments) || !get_traces(env, arguments[0], &traces) ||
      !get_array(env, arguments[1], napi_uint8_array, &mask, &mask_length) ||
      !get_array(env, arguments[2], napi_uint8_array, &pattern, &length) || mask_length != length ||
      !get_array(env, arguments[3], napi_uint16_array, &program, &words) ||
      !get_array(env, arguments[4], napi_uint8_array, &constants, &constants_length)) {
    return result(env, -EINVAL);
  }
  return result(env, traces_add(traces, mask, pattern, length, program, words, constants, constants_length));
}

/* dropTrace(traces): 0. */
static napi_value call_drop_trace(napi_env env, napi_callback_info info) {
  napi_value argument;
  struct traces *traces;
  if (!get_arguments(env, info, 1, &argument) || !get_traces(env, argument, &traces)) return result(env, -EINVAL);
  traces_drop(traces);
  return result(env, 0);
}

/* A typed array, or undefined, which leaves *data and *length as they are. */
static bool get_optional_array(napi_env env, napi_value value, napi_typedarray_type wanted, void **data,
                               size_t *length) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  return type == napi_undefined || get_array(env, value, wanted, data, length);
}

/* The words of tables, from an array of Uint32Array, or none from undefined. */
static bool get_tables(napi_env env, napi_value array, struct run_request *request) {
  napi_valuetype type;
  uint32_t count;
  if (napi_typeof(env, array, &type) != napi_ok) return false;
  if (type == napi_undefined) return true;
  if (napi_get_array_length(env, array, &count) != napi_ok || count > MOST_TABLES) return false;
  for (; request->table_count < count; request->table_count++) {
    napi_value one;
    void *words;
    size_t length;
    if (napi_get_element(env, array, (uint32_t)request->table_count, &one) != napi_ok ||
        !get_array(env, one, napi_uint32_array, &words, &length))
      return false;
    request->tables[request->table_count] = (struct table){words, length};
  }
  return true;
}

/*
 * runTraces(traces, buffer, out, state: Uint32Array, lengths: Int32Array or undefined, chosen: Int32Array or undefined,
 * tables: Uint32Array[] or undefined): RUN_*.
 */
static napi_value call_run_traces(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  struct traces *traces;
  struct run_request request = {0};
  void *in, *out, *state, *lengths = NULL, *chosen = NULL;
  if (!get_arguments(env, info, 7, arguments) || !get_traces(env, arguments[0], &traces) ||
      !get_array(env, arguments[1], napi_uint8_array, &in, &request.in_size) ||
      !get_array(env, arguments[2], napi_uint8_array, &out, &request.out_size) ||
      !get_array(env, arguments[3], napi_uint32_array, &state, &request.state_words) ||
      !get_optional_array(env, arguments[4], napi_int32_array, &lengths, &request.lengths_count) ||
      !get_optional_array(env, arguments[5], napi_int32_array, &chosen, &request.chosen_words) ||
      !get_tables(env, arguments[6], &request)) {
    return result(env, -EINVAL);
  }
  request.in = in;
  request.out = out;
  request.state = state;
  request.lengths = lengths;
  request.chosen = chosen;
  return result(env, traces_run(traces, &request));
}

static void finalize_lines(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  lines_free(data);
}

static const napi_type_tag lines_tag = {0x6e65746c696e6b21, 0x6c696e6573212121};

static bool get_lines(napi_env env, napi_value value, struct lines **lines) {
  return get_tagged(env, value, &lines_tag, (void **)lines);
}

/* newLines(): an object for the calls below. */
static napi_value call_new_lines(napi_env env, napi_callback_info info) {
  (void)info;
  return new_tagged(env, lines_new(), finalize_lines, &lines_tag);
}

/* addLinePattern(lines, message, program: Uint16Array, constants): 0. */
static napi_value call_add_line_pattern(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct lines *lines;
  void *message, *program, *constants;
  size_t length, words, constants_length;
  if (!get_arguments(env, info, 4, arguments) || !get_lines(env, arguments[0], &lines) ||
      !get_array(env, arguments[1], napi_uint8_array, &message, &length) ||
      !get_array(env, arguments[2], napi_uint16_array, &program, &words) ||
      !get_array(env, arguments[3], napi_uint8_array, &constants, &constants_length)) {
    return result(env, -EINVAL);
  }
  return result(env, lines_add(lines, message, length, program, words, constants, constants_length));
}

/* runLines(lines, text, out, state: Uint32Array): LINES_*. */
static napi_value call_run_lines(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  struct lines *lines;
  void *in, *out, *state;
  size_t in_size, out_size, words;
  if (!get_arguments(env, info, 4, arguments) || !get_lines(env, arguments[0], &lines) ||
      !get_array(env, arguments[1], napi_uint8_array, &in, &in_size) ||
      !get_array(env, arguments[2], napi_uint8_array, &out, &out_size) ||
      !get_array(env, arguments[3], napi_uint32_array, &state, &words)) {
    return result(env, -EINVAL);
  }
  return result(env, lines_run(lines, in, in_size, out, out_size, state, words));
}

/* unshareNetwork(): 0. */
static napi_value call_unshare_network(napi_env env, napi_callback_info info) {
  (void)info;
  return result(env, unshare_network());
}

/* setNetwork(fd): 0. */
static napi_value call_set_network(napi_env env, napi_callback_info info) {
  napi_value argument;
  int fd;
  if (!get_arguments(env, info, 1, &argument) || !get_int(env, argument, &fd)) return result(env, -EINVAL);
  return result(env, set_network(fd));
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {.utf8name = "open", .method = call_open},
      {.utf8name = "send", .method = call_send},
      {.utf8name = "receive", .method = call_receive},
      {.utf8name = "readAhead", .method = call_read_ahead},
      {.utf8name = "takeAhead", .method = call_take_ahead},
      {.utf8name = "stopAhead", .method = call_stop_ahead},
      {.utf8name = "whenReadable", .method = call_when_readable},
      {.utf8name = "receiveMany", .method = call_receive_many},
      {.utf8name = "setOption", .method = call_set_option},
      {.utf8name = "getOption", .method = call_get_option},
      {.utf8name = "memory", .method = call_memory},
      {.utf8name = "poll", .method = call_poll},
      {.utf8name = "write", .method = call_write},
      {.utf8name = "catchSignal", .method = call_catch_signal},
      {.utf8name = "caughtSignal", .method = call_caught_signal},
      {.utf8name = "takeSignal", .method = call_take_signal},
      {.utf8name = "raise", .method = call_raise},
      {.utf8name = "read", .method = call_read},
      {.utf8name = "setTerminalRaw", .method = call_set_terminal_raw},
      {.utf8name = "pollOut", .method = call_poll_out},
      {.utf8name = "close", .method = call_close},
      {.utf8name = "strerror", .method = call_strerror},
      {.utf8name = "defaultSigpipe", .method = call_default_sigpipe},
      {.utf8name = "localTime", .method = call_local_time},
      {.utf8name = "windowSize", .method = call_window_size},
      {.utf8name = "exit", .method = call_exit},
      {.utf8name = "setSignal", .method = call_set_signal},
      {.utf8name = "unshareNetwork", .method = call_unshare_network},
      {.utf8name = "setNetwork", .method = call_set_network},
      {.utf8name = "newTraces", .method = call_new_traces},
      {.utf8name = "addTrace", .method = call_add_trace},
      {.utf8name = "dropTrace", .method = call_drop_trace},
      {.utf8name = "runTraces", .method = call_run_traces},
      {.utf8name = "newLines", .method = call_new_lines},
      {.utf8name = "addLinePattern", .method = call_add_line_pattern},
      {.utf8name = "runLines", .method = call_run_lines},
  };
  /* Finalizers run in the reverse order of their making: by then no thread uses a socket. */
  struct sockets *sockets = calloc(1, sizeof(*sockets));
  if (sockets != NULL && napi_set_instance_data(env, sockets, finalize_sockets, NULL) != napi_ok) free(sockets);
  napi_define_properties(env, exports, sizeof(functions) / sizeof(*functions), functions);
  return exports;
}
