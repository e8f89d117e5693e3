/*
 * The binding for QuickJS: the module "native", which src/netlink/backend/native.d.ts declares. netlink.h says what the
 * socket calls do; files, text and the process itself are here, because QuickJS has nothing of them.
 *
 * The functions that return numbers answer with a result from 0 up, or -errno; arguments that are missing, of another
 * type or out of their buffer's bounds give -EINVAL. QuickJS passes at least as many arguments as a function's row in
 * the table below says.
 */
#define _GNU_SOURCE
#include "quickjs-calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "netlink.h"
#include "trace.h"

#define FUNCTION(name) static JSValue name(JSContext *context, JSValueConst this, int count, JSValueConst *arguments)

static int word_count;
static char **words;
static bool closed[STDERR_FILENO + 1];

bool take_process(int count, char **all) {
  word_count = count;
  words = all;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    closed[fd] = fcntl(fd, F_GETFD) < 0;
    if (closed[fd] && open("/", O_PATH) != fd) return false;
  }
  return true;
}

static JSValue result(ssize_t value) {
  return JS_NewInt32(NULL, (int)value);
}

/* What a system call returned, with -errno in place of -1. */
static JSValue answer(ssize_t returned) {
  return result(returned < 0 ? -errno : returned);
}

bool get_int(JSContext *context, JSValueConst value, int *number) {
  double wide;
  return JS_IsNumber(value) && JS_ToFloat64(context, &wide, value) == 0 && whole_number(wide, number);
}

bool get_array(JSContext *context, JSValueConst value, JSTypedArrayEnum type, void **data, size_t *length) {
  if (JS_GetTypedArrayType(value) != (int)type) return false;
  size_t offset, bytes, element, size;
  JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &bytes, &element);
  if (JS_IsException(buffer)) {
    JS_FreeValue(context, JS_GetException(context));
    return false;
  }
  uint8_t *start = JS_GetArrayBuffer(context, &size, buffer);
  /* The array holds the buffer. */
  JS_FreeValue(context, buffer);
  if (start == NULL) {
    JS_FreeValue(context, JS_GetException(context));
    return false;
  }
  *data = start + offset;
  *length = bytes / element;
  return true;
}

bool get_part(JSContext *context, JSValueConst array, JSValueConst offset, JSValueConst length, struct iovec *part) {
  void *data;
  size_t size;
  int from, count;
  if (!get_array(context, array, JS_TYPED_ARRAY_UINT8, &data, &size)) return false;
  if (!get_int(context, offset, &from) || !get_int(context, length, &count) || !is_part(from, count, size))
    return false;
  *part = (struct iovec){.iov_base = (char *)data + from, .iov_len = (size_t)count};
  return true;
}

/* A path or a name as bytes with a NUL behind them, to be freed; NULL where it holds a NUL itself. */
static char *get_path(JSContext *context, JSValueConst value) {
  void *data;
  size_t length;
  if (!get_array(context, value, JS_TYPED_ARRAY_UINT8, &data, &length) || memchr(data, 0, length) != NULL) return NULL;
  return strndup(data, length);
}

/* Sockets */

FUNCTION(call_open) {
  void *port_id;
  size_t length;
  if (!get_array(context, arguments[0], JS_TYPED_ARRAY_UINT32, &port_id, &length) || length < 1) return result(-EINVAL);
  return result(netlink_open(port_id));
}

FUNCTION(call_send) {
  int fd;
  struct iovec part;
  if (!get_int(context, arguments[0], &fd) || !get_part(context, arguments[1], arguments[2], arguments[3], &part)) {
    return result(-EINVAL);
  }
  return result(netlink_send(fd, &part));
}

FUNCTION(call_receive) {
  int fd, flags;
  struct iovec part;
  if (!get_int(context, arguments[0], &fd) || !get_part(context, arguments[1], arguments[2], arguments[3], &part) ||
      !get_int(context, arguments[4], &flags) || !are_flags(flags)) {
    return result(-EINVAL);
  }
  return result(netlink_receive(fd, &part, flags));
}

FUNCTION(call_receive_many) {
  int fd, slot, flags;
  void *data, *lengths;
  size_t size, slots;
  if (!get_int(context, arguments[0], &fd) || !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT8, &data, &size) ||
      !get_int(context, arguments[2], &slot) ||
      !get_array(context, arguments[3], JS_TYPED_ARRAY_INT32, &lengths, &slots) ||
      !get_int(context, arguments[4], &flags)) {
    return result(-EINVAL);
  }
  return result(netlink_receive_many(fd, data, size, slot, lengths, slots, flags));
}

FUNCTION(call_set_option) {
  int fd, level, name, value;
  if (!get_int(context, arguments[0], &fd) || !get_int(context, arguments[1], &level) ||
      !get_int(context, arguments[2], &name) || !get_int(context, arguments[3], &value)) {
    return result(-EINVAL);
  }
  return result(netlink_set_option(fd, level, name, value));
}

FUNCTION(call_get_option) {
  int fd, level, name;
  if (!get_int(context, arguments[0], &fd) || !get_int(context, arguments[1], &level) ||
      !get_int(context, arguments[2], &name)) {
    return result(-EINVAL);
  }
  return result(netlink_get_option(fd, level, name));
}

FUNCTION(call_memory) {
  int fd;
  void *members;
  size_t length;
  if (!get_int(context, arguments[0], &fd) ||
      !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT32, &members, &length) || length < MEMORY_MEMBERS) {
    return result(-EINVAL);
  }
  return result(netlink_memory(fd, members));
}

static JSValue call_wait(JSContext *context, JSValueConst *arguments, short events) {
  int fd, timeout;
  if (!get_int(context, arguments[0], &fd) || !get_int(context, arguments[1], &timeout)) return result(-EINVAL);
  return result(wait_for(fd, events, timeout));
}

FUNCTION(call_poll) {
  return call_wait(context, arguments, POLLIN);
}

FUNCTION(call_poll_out) {
  return call_wait(context, arguments, POLLOUT);
}

FUNCTION(call_unshare_network) {
  return result(unshare_network());
}

FUNCTION(call_set_network) {
  int fd;
  return result(get_int(context, arguments[0], &fd) ? set_network(fd) : -EINVAL);
}

/* Files */

FUNCTION(call_open_file) {
  char *path = get_path(context, arguments[0]);
  if (path == NULL) return result(-EINVAL);
  JSValue opened = answer(open(path, O_RDONLY | O_CLOEXEC));
  free(path);
  return opened;
}

FUNCTION(call_read) {
  int fd;
  struct iovec part;
  if (!get_int(context, arguments[0], &fd) || !get_part(context, arguments[1], arguments[2], arguments[3], &part)) {
    return result(-EINVAL);
  }
  return answer(read(fd, part.iov_base, part.iov_len));
}

FUNCTION(call_write) {
  int fd;
  struct iovec part;
  if (!get_int(context, arguments[0], &fd) || !get_part(context, arguments[1], arguments[2], arguments[3], &part)) {
    return result(-EINVAL);
  }
  return answer(write(fd, part.iov_base, part.iov_len));
}

FUNCTION(call_close) {
  int fd;
  return get_int(context, arguments[0], &fd) ? answer(close(fd)) : result(-EINVAL);
}

/* Whether a standard stream was closed when the program started. */
FUNCTION(call_is_closed) {
  int fd;
  return JS_NewBool(context, get_int(context, arguments[0], &fd) && fd >= 0 && fd <= STDERR_FILENO && closed[fd]);
}

/* Whether output is seen as it comes: a terminal, or another device. */
FUNCTION(call_is_device) {
  int fd;
  struct stat status;
  if (!get_int(context, arguments[0], &fd)) return JS_FALSE;
  return JS_NewBool(context, fstat(fd, &status) == 0 && S_ISCHR(status.st_mode));
}

FUNCTION(call_is_terminal) {
  int fd;
  return JS_NewBool(context, get_int(context, arguments[0], &fd) && isatty(fd));
}

/* The names in a directory, each a Uint8Array, or -errno. */
FUNCTION(call_read_directory) {
  char *path = get_path(context, arguments[0]);
  if (path == NULL) return result(-EINVAL);
  DIR *directory = opendir(path);
  free(path);
  if (directory == NULL) return result(-errno);
  JSValue names = JS_NewArray(context);
  uint32_t at = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    JSValue name = JS_NewUint8ArrayCopy(context, (const uint8_t *)entry->d_name, strlen(entry->d_name));
    JS_SetPropertyUint32(context, names, at++, name);
  }
  closedir(directory);
  return names;
}

/* What a symbolic link points to, a Uint8Array, or -errno. */
FUNCTION(call_read_link) {
  char target[PATH_MAX];
  char *path = get_path(context, arguments[0]);
  if (path == NULL) return result(-EINVAL);
  ssize_t length = readlink(path, target, sizeof(target));
  int error = errno;
  free(path);
  return length < 0 ? result(-error) : JS_NewUint8ArrayCopy(context, (const uint8_t *)target, (size_t)length);
}

/* Text */

/*
 * How many bytes at `at` are one character of UTF-8, or, where *valid becomes false, how many of them stand for one
 * replacement character: RFC 3629, and what TextDecoder does.
 */
static size_t utf8_length(const uint8_t *at, size_t left, bool *valid) {
  uint8_t first = at[0], lowest = 0x80, highest = 0xbf;
  size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  *valid = first < 0x80 || (first >= 0xc2 && first <= 0xf4);
  if (!*valid) return 1;
  if (first == 0xe0) lowest = 0xa0;
  if (first == 0xed) highest = 0x9f;
  if (first == 0xf0) lowest = 0x90;
  if (first == 0xf4) highest = 0x8f;
  for (size_t i = 1; i < length; i++) {
    *valid = i < left && at[i] >= lowest && at[i] <= highest;
    if (!*valid) return i;
    lowest = 0x80;
    highest = 0xbf;
  }
  return length;
}

#define REPLACEMENT "\xef\xbf\xbd"
#define REPLACEMENT_BYTES 3

/* Uint8Array to string; U+FFFD for what is no UTF-8. */
FUNCTION(call_decode) {
  void *data;
  size_t size;
  if (!get_array(context, arguments[0], JS_TYPED_ARRAY_UINT8, &data, &size)) {
    return JS_ThrowTypeError(context, "not a Uint8Array");
  }
  uint8_t *bytes = data;
  char *text = js_malloc(context, size * REPLACEMENT_BYTES + 1);
  if (text == NULL) return JS_EXCEPTION;
  size_t length = 0;
  for (size_t at = 0; at < size;) {
    bool valid;
    size_t next = utf8_length(bytes + at, size - at, &valid);
    memcpy(text + length, valid ? (char *)bytes + at : REPLACEMENT, valid ? next : REPLACEMENT_BYTES);
    length += valid ? next : REPLACEMENT_BYTES;
    at += next;
  }
  JSValue string = JS_NewStringLen(context, text, length);
  js_free(context, text);
  return string;
}

/* String to Uint8Array; U+FFFD for half of a surrogate pair, which QuickJS writes in three bytes too. */
FUNCTION(call_encode) {
  size_t length;
  const char *text = JS_ToCStringLen(context, &length, arguments[0]);
  if (text == NULL) return JS_EXCEPTION;
  JSValue array = JS_NewUint8ArrayCopy(context, (const uint8_t *)text, length);
  JS_FreeCString(context, text);
  void *data;
  if (!get_array(context, array, JS_TYPED_ARRAY_UINT8, &data, &length)) return array;
  uint8_t *bytes = data;
  for (size_t at = 0; at + REPLACEMENT_BYTES <= length; at++) {
    if (bytes[at] == 0xed && bytes[at + 1] > 0x9f) memcpy(bytes + at, REPLACEMENT, REPLACEMENT_BYTES);
  }
  return array;
}

FUNCTION(call_strerror) {
  int error;
  return get_int(context, arguments[0], &error) ? JS_NewString(context, strerror(error)) : result(-EINVAL);
}

/* The process */

/* The words of the command line, the program's own first, each a Uint8Array. */
FUNCTION(call_words) {
  JSValue all = JS_NewArray(context);
  for (int i = 0; i < word_count; i++) {
    JSValue word = JS_NewUint8ArrayCopy(context, (const uint8_t *)words[i], strlen(words[i]));
    JS_SetPropertyUint32(context, all, (uint32_t)i, word);
  }
  return all;
}

/* The value of a variable of the environment, a Uint8Array, or undefined. */
FUNCTION(call_variable) {
  char *name = get_path(context, arguments[0]);
  const char *value = name == NULL ? NULL : getenv(name);
  free(name);
  return value == NULL ? JS_UNDEFINED : JS_NewUint8ArrayCopy(context, (const uint8_t *)value, strlen(value));
}

/* Microseconds since 1970. */
FUNCTION(call_now) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return JS_NewFloat64(context, (double)now.tv_sec * 1e6 + (double)(now.tv_nsec / 1000));
}

FUNCTION(call_local_time) {
  double seconds;
  void *members;
  size_t length;
  if (!JS_IsNumber(arguments[0]) || JS_ToFloat64(context, &seconds, arguments[0]) != 0 ||
      !get_array(context, arguments[1], JS_TYPED_ARRAY_INT32, &members, &length) || length < LOCAL_TIME_MEMBERS) {
    return result(-EINVAL);
  }
  return result(local_time(seconds, members));
}

FUNCTION(call_window_size) {
  int fd;
  void *size;
  size_t length;
  if (!get_int(context, arguments[0], &fd) || !get_array(context, arguments[1], JS_TYPED_ARRAY_INT32, &size, &length) ||
      length < 2) {
    return result(-EINVAL);
  }
  return result(window_size(fd, size));
}

FUNCTION(call_catch_signal) {
  int number;
  return result(get_int(context, arguments[0], &number) ? catch_signal(number) : -EINVAL);
}

FUNCTION(call_caught_signal) {
  return result(caught_signal());
}

FUNCTION(call_take_signal) {
  return result(take_signal());
}

FUNCTION(call_set_terminal_raw) {
  int fd, raw;
  if (!get_int(context, arguments[0], &fd) || !get_int(context, arguments[1], &raw)) return result(-EINVAL);
  return result(set_terminal_raw(fd, raw != 0));
}

FUNCTION(call_set_signal) {
  int number, ignored;
  if (!get_int(context, arguments[0], &number) || !get_int(context, arguments[1], &ignored)) return result(-EINVAL);
  return result(set_signal(number, ignored != 0));
}

FUNCTION(call_default_sigpipe) {
  return result(set_signal(SIGPIPE, false));
}

/* From now on a broken pipe is an error of write(2). Whether it was before: the caller's wish then. */
FUNCTION(call_ignore_sigpipe) {
  return JS_NewBool(context, signal(SIGPIPE, SIG_IGN) == SIG_IGN);
}

FUNCTION(call_raise) {
  int number;
  return get_int(context, arguments[0], &number) ? answer(raise(number)) : result(-EINVAL);
}

/* Nothing is flushed, and no terminal is touched. */
FUNCTION(call_exit) {
  int status;
  if (!get_int(context, arguments[0], &status)) return result(-EINVAL);
  _exit(status);
}

/* Traces: objects of a class of their own, so that nothing else can be taken for one. */

static JSClassID traces_class;

static void finalize_traces(JSRuntime *runtime, JSValueConst value) {
  struct traces *traces = JS_GetOpaque(value, traces_class);
  if (traces != NULL) traces_free(traces);
}

static const JSClassDef traces_definition = {"Traces", .finalizer = finalize_traces};

static bool make_traces_class(JSContext *context) {
  JSRuntime *runtime = JS_GetRuntime(context);
  JS_NewClassID(runtime, &traces_class);
  return JS_NewClass(runtime, traces_class, &traces_definition) == 0;
}

/* An object of this class that owns `data`, or -ENOMEM with nothing owned. */
static JSValue new_owner(JSContext *context, JSClassID class, void *data) {
  JSValue object = data == NULL ? JS_EXCEPTION : JS_NewObjectClass(context, (int)class);
  if (JS_IsException(object)) {
    JS_FreeValue(context, JS_GetException(context));
    return result(-ENOMEM);
  }
  JS_SetOpaque(object, data);
  return object;
}

FUNCTION(call_new_traces) {
  struct traces *traces = traces_new();
  JSValue object = new_owner(context, traces_class, traces);
  if (traces != NULL && !JS_IsObject(object)) traces_free(traces);
  return object;
}

FUNCTION(call_add_trace) {
  struct traces *traces = JS_GetOpaque(arguments[0], traces_class);
  void *mask, *pattern, *program, *constants;
  size_t mask_length, length, words, constants_length;
  if (traces == NULL || !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT8, &mask, &mask_length) ||
      !get_array(context, arguments[2], JS_TYPED_ARRAY_UINT8, &pattern, &length) || mask_length != length ||
      !get_array(context, arguments[3], JS_TYPED_ARRAY_UINT16, &program, &words) ||
      !get_array(context, arguments[4], JS_TYPED_ARRAY_UINT8, &constants, &constants_length)) {
    return result(-EINVAL);
  }
  return result(traces_add(traces, mask, pattern, length, program, words, constants, constants_length));
}

FUNCTION(call_drop_trace) {
  struct traces *traces = JS_GetOpaque(arguments[0], traces_class);
  if (traces == NULL) return result(-EINVAL);
  traces_drop(traces);
  return result(0);
}

/* The words of tables, from an array of Uint32Array; the array holds them. */
static bool get_tables(JSContext *context, JSValueConst array, struct run_request *request) {
  for (;;) {
    JSValue one = JS_GetPropertyUint32(context, array, (uint32_t)request->table_count);
    if (JS_IsUndefined(one)) return true;
    void *words = NULL;
    size_t length = 0;
    bool good = request->table_count < MOST_TABLES && get_array(context, one, JS_TYPED_ARRAY_UINT32, &words, &length);
    JS_FreeValue(context, one);
    if (!good) return false;
    request->tables[request->table_count++] = (struct table){words, length};
  }
}

FUNCTION(call_run_traces) {
  struct traces *traces = JS_GetOpaque(arguments[0], traces_class);
  struct run_request request = {0};
  void *in, *out, *state, *lengths = NULL, *chosen = NULL;
  if (traces == NULL || !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT8, &in, &request.in_size) ||
      !get_array(context, arguments[2], JS_TYPED_ARRAY_UINT8, &out, &request.out_size) ||
      !get_array(context, arguments[3], JS_TYPED_ARRAY_UINT32, &state, &request.state_words) ||
      (!JS_IsUndefined(arguments[4]) &&
       !get_array(context, arguments[4], JS_TYPED_ARRAY_INT32, &lengths, &request.lengths_count)) ||
      (!JS_IsUndefined(arguments[5]) &&
       !get_array(context, arguments[5], JS_TYPED_ARRAY_INT32, &chosen, &request.chosen_words)) ||
      (!JS_IsUndefined(arguments[6]) && !get_tables(context, arguments[6], &request))) {
    return result(-EINVAL);
  }
  request.in = in;
  request.out = out;
  request.state = state;
  request.lengths = lengths;
  request.chosen = chosen;
  return result(traces_run(traces, &request));
}

static JSClassID lines_class;

static void finalize_lines(JSRuntime *runtime, JSValue value) {
  struct lines *lines = JS_GetOpaque(value, lines_class);
  if (lines != NULL) lines_free(lines);
}

static const JSClassDef lines_definition = {"Lines", .finalizer = finalize_lines};

static bool make_lines_class(JSContext *context) {
  JSRuntime *runtime = JS_GetRuntime(context);
  JS_NewClassID(runtime, &lines_class);
  return JS_NewClass(runtime, lines_class, &lines_definition) == 0;
}

FUNCTION(call_new_lines) {
  struct lines *lines = lines_new();
  JSValue object = new_owner(context, lines_class, lines);
  if (lines != NULL && !JS_IsObject(object)) lines_free(lines);
  return object;
}

FUNCTION(call_add_line_pattern) {
  struct lines *lines = JS_GetOpaque(arguments[0], lines_class);
  void *message, *program, *constants;
  size_t length, words, constants_length;
  if (lines == NULL || !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT8, &message, &length) ||
      !get_array(context, arguments[2], JS_TYPED_ARRAY_UINT16, &program, &words) ||
      !get_array(context, arguments[3], JS_TYPED_ARRAY_UINT8, &constants, &constants_length)) {
    return result(-EINVAL);
  }
  return result(lines_add(lines, message, length, program, words, constants, constants_length));
}

FUNCTION(call_run_lines) {
  struct lines *lines = JS_GetOpaque(arguments[0], lines_class);
  void *in, *out, *state;
  size_t in_size, out_size, words;
  if (lines == NULL || !get_array(context, arguments[1], JS_TYPED_ARRAY_UINT8, &in, &in_size) ||
      !get_array(context, arguments[2], JS_TYPED_ARRAY_UINT8, &out, &out_size) ||
      !get_array(context, arguments[3], JS_TYPED_ARRAY_UINT32, &state, &words)) {
    return result(-EINVAL);
  }
  return result(lines_run(lines, in, in_size, out, out_size, state, words));
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("open", 1, call_open),
    JS_CFUNC_DEF("send", 4, call_send),
    JS_CFUNC_DEF("receive", 5, call_receive),
    JS_CFUNC_DEF("receiveMany", 5, call_receive_many),
    JS_CFUNC_DEF("setOption", 4, call_set_option),
    JS_CFUNC_DEF("getOption", 3, call_get_option),
    JS_CFUNC_DEF("memory", 2, call_memory),
    JS_CFUNC_DEF("poll", 2, call_poll),
    JS_CFUNC_DEF("pollOut", 2, call_poll_out),
    JS_CFUNC_DEF("unshareNetwork", 0, call_unshare_network),
    JS_CFUNC_DEF("setNetwork", 1, call_set_network),
    JS_CFUNC_DEF("openFile", 1, call_open_file),
    JS_CFUNC_DEF("read", 4, call_read),
    JS_CFUNC_DEF("write", 4, call_write),
    JS_CFUNC_DEF("close", 1, call_close),
    JS_CFUNC_DEF("isClosed", 1, call_is_closed),
    JS_CFUNC_DEF("isDevice", 1, call_is_device),
    JS_CFUNC_DEF("isTerminal", 1, call_is_terminal),
    JS_CFUNC_DEF("readDirectory", 1, call_read_directory),
    JS_CFUNC_DEF("readLink", 1, call_read_link),
    JS_CFUNC_DEF("decode", 1, call_decode),
    JS_CFUNC_DEF("encode", 1, call_encode),
    JS_CFUNC_DEF("strerror", 1, call_strerror),
    JS_CFUNC_DEF("words", 0, call_words),
    JS_CFUNC_DEF("variable", 1, call_variable),
    JS_CFUNC_DEF("now", 0, call_now),
    JS_CFUNC_DEF("windowSize", 2, call_window_size),
    JS_CFUNC_DEF("localTime", 2, call_local_time),
    JS_CFUNC_DEF("catchSignal", 1, call_catch_signal),
    JS_CFUNC_DEF("caughtSignal", 0, call_caught_signal),
    JS_CFUNC_DEF("takeSignal", 0, call_take_signal),
    JS_CFUNC_DEF("setTerminalRaw", 2, call_set_terminal_raw),
    JS_CFUNC_DEF("setSignal", 2, call_set_signal),
    JS_CFUNC_DEF("defaultSigpipe", 0, call_default_sigpipe),
    JS_CFUNC_DEF("ignoreSigpipe", 0, call_ignore_sigpipe),
    JS_CFUNC_DEF("raise", 1, call_raise),
    JS_CFUNC_DEF("exit", 1, call_exit),
    JS_CFUNC_DEF("newTraces", 0, call_new_traces),
    JS_CFUNC_DEF("addTrace", 5, call_add_trace),
    JS_CFUNC_DEF("dropTrace", 1, call_drop_trace),
    JS_CFUNC_DEF("runTraces", 7, call_run_traces),
    JS_CFUNC_DEF("newLines", 0, call_new_lines),
    JS_CFUNC_DEF("addLinePattern", 4, call_add_line_pattern),
    JS_CFUNC_DEF("runLines", 4, call_run_lines),
};

#define FUNCTIONS (int)(sizeof(functions) / sizeof(*functions))

static int fill_native_module(JSContext *context, JSModuleDef *module) {
  return JS_SetModuleExportList(context, module, functions, FUNCTIONS);
}

JSModuleDef *make_native_module(JSContext *context) {
  if (!make_traces_class(context) || !make_lines_class(context)) return NULL;
  JSModuleDef *module = JS_NewCModule(context, "native", fill_native_module);
  if (module != NULL) JS_AddModuleExportList(context, module, functions, FUNCTIONS);
  return module;
}
