/*
 * quickjs-compile NAME SOURCE OUTPUT: compiles an ES module to bytecode without debug information. Runs while the
 * executable is built; bytecode is the same for all 64-bit little-endian machines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

static int fail(JSContext *context, const char *what) {
  JSValue error = JS_GetException(context);
  const char *text = JS_ToCString(context, error);
  fprintf(stderr, "quickjs-compile: %s: %s\n", what, text == NULL ? "" : text);
  return 1;
}

static char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return NULL;
  long size = ftell(file);
  char *text = size < 0 ? NULL : calloc(1, (size_t)size + 1);
  rewind(file);
  if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) return NULL;
  fclose(file);
  *length = (size_t)size;
  return text;
}

static int empty_module(JSContext *context, JSModuleDef *module) {
  (void)context;
  (void)module;
  return 0;
}

/* What is imported is there when the program runs; here any name will do. */
static JSModuleDef *load_module(JSContext *context, const char *name, void *opaque) {
  (void)opaque;
  return JS_NewCModule(context, name, empty_module);
}

int main(int count, char **words) {
  if (count != 4) {
    fputs("usage: quickjs-compile NAME SOURCE OUTPUT\n", stderr);
    return 2;
  }
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = runtime == NULL ? NULL : JS_NewContext(runtime);
  size_t length, size;
  char *source = read_file(words[2], &length);
  if (context == NULL || source == NULL) {
    perror(words[2]);
    return 1;
  }
  JS_SetModuleLoaderFunc(runtime, NULL, load_module, NULL);
  JSValue module = JS_Eval(context, source, length, words[1], JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(module)) return fail(context, words[2]);
  int flags = JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE | JS_WRITE_OBJ_STRIP_DEBUG;
  uint8_t *bytecode = JS_WriteObject(context, &size, module, flags);
  if (bytecode == NULL) return fail(context, words[2]);
  /* A version of one byte, then a checksum; all ones for none. Only the linker has a hand in these bytes. */
  memset(bytecode + 1, 0xff, 4);
  FILE *output = fopen(words[3], "wb");
  if (output == NULL || fwrite(bytecode, 1, size, output) != size || fclose(output) != 0) {
    perror(words[3]);
    return 1;
  }
  return 0;
}
