/* What quickjs-calls.c, and other bindings for QuickJS, take arguments with; and the module that they make. */
#ifndef QUICKJS_CALLS_H
#define QUICKJS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "quickjs.h"

/* None of these throws, and none trusts the value: one of another type, or out of its buffer's bounds, gives false. */
bool get_int(JSContext *context, JSValueConst value, int *number);
bool get_array(JSContext *context, JSValueConst value, JSTypedArrayEnum type, void **data, size_t *length);

/* The part [offset, offset + length) of a Uint8Array, which must lie within it and hold a byte at least. */
bool get_part(JSContext *context, JSValueConst array, JSValueConst offset, JSValueConst length, struct iovec *part);

/*
 * Notes what main(3) got, and which of the standard streams are closed. Those get a descriptor that can be neither read
 * nor written, so that no socket has their number: what is meant for stdout must not reach the kernel. False where that
 * fails.
 */
bool take_process(int count, char **words);

/* The functions that src/netlink/backend/native.d.ts declares, as the module "native"; NULL where there is no memory.
 */
JSModuleDef *make_native_module(JSContext *context);

#endif
