#include "quickjs-modules.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* bytecode.S: one row a module, with the offsets of its name and its bytecode from the table. */
struct row {
  uint32_t name, bytecode, length;
};
extern const struct row modules[];
extern const uint32_t module_count;

/* What has been read, by row. The context frees it. */
static JSModuleDef **loaded;

/* The module of a name, perhaps not yet resolved; NULL, with an exception, where there is none. */
static JSModuleDef *read_module(JSContext *context, const char *name, void *opaque) {
  (void)opaque;
  const uint8_t *base = (const uint8_t *)modules;
  for (uint32_t i = 0; i < module_count; i++) {
    if (strcmp((const char *)base + modules[i].name, name) != 0) continue;
    if (loaded[i] != NULL) return loaded[i];
    JSValue value = JS_ReadObject(context, base + modules[i].bytecode, modules[i].length, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(value)) return NULL;
    loaded[i] = JS_VALUE_GET_PTR(value);
    /* The context holds it. */
    JS_FreeValue(context, value);
    return loaded[i];
  }
  JS_ThrowReferenceError(context, "no module \"%s\"", name);
  return NULL;
}

JSModuleDef *run_module(JSContext *context, const char *name) {
  JSModuleDef *module = read_module(context, name, NULL);
  if (module == NULL) return NULL;
  JSValue value = JS_MKPTR(JS_TAG_MODULE, module);
  if (JS_ResolveModule(context, value) < 0) return NULL;
  JSValue promise = JS_EvalFunction(context, JS_DupValue(context, value));
  if (JS_IsException(promise)) return NULL;
  bool failed = JS_PromiseState(context, promise) == JS_PROMISE_REJECTED;
  if (failed) JS_Throw(context, JS_PromiseResult(context, promise));
  JS_FreeValue(context, promise);
  return failed ? NULL : module;
}

static JSValue call_load(JSContext *context, JSValueConst this, int count, JSValueConst *arguments) {
  const char *name = JS_ToCString(context, arguments[0]);
  if (name == NULL) return JS_EXCEPTION;
  JSModuleDef *module = run_module(context, name);
  JS_FreeCString(context, name);
  if (module != NULL) return JS_GetModuleNamespace(context, module);
  /* Where memory ends, QuickJS fails without an exception at times. */
  return JS_HasException(context) ? JS_EXCEPTION : JS_ThrowOutOfMemory(context);
}

static const JSCFunctionListEntry functions[] = {JS_CFUNC_DEF("load", 1, call_load)};

static int fill_lazy_module(JSContext *context, JSModuleDef *module) {
  return JS_SetModuleExportList(context, module, functions, 1);
}

JSModuleDef *make_lazy_module(JSContext *context) {
  loaded = calloc(module_count, sizeof(*loaded));
  if (loaded == NULL) return NULL;
  JS_SetModuleLoaderFunc(JS_GetRuntime(context), NULL, read_module, NULL);
  JSModuleDef *module = JS_NewCModule(context, "lazy", fill_lazy_module);
  if (module != NULL) JS_AddModuleExportList(context, module, functions, 1);
  return module;
}
