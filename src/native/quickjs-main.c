/*
 * The executable: QuickJS, the binding, and the bytecode of the command, which scripts/build-standalone.mjs has had
 * quickjs-compile.c make. There is no parser of JavaScript in it, so nothing can be evaluated but that bytecode.
 * The module "main.mjs" runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "quickjs-calls.h"
#include "quickjs-modules.h"

/*
 * Of what an entry costs nothing is left over but in cycles, which only the collector finds: there are hardly any. So
 * it need not run in a short run.
 */
#define COLLECT_FROM_BYTES (16 << 20)

static int add_intrinsics(JSContext *context) {
  return JS_AddIntrinsicBaseObjects(context) || JS_AddIntrinsicDate(context) || JS_AddIntrinsicRegExp(context) ||
         JS_AddIntrinsicJSON(context) || JS_AddIntrinsicMapSet(context) || JS_AddIntrinsicTypedArrays(context) ||
         JS_AddIntrinsicPromise(context) || JS_AddIntrinsicWeakRef(context);
}

/* The command catches all errors and ends the process. What gets here is a mistake in this program, or out of memory.
 */
static int fail(JSContext *context, JSValue error) {
  /* QuickJS throws null where it cannot even make an error. */
  const char *text = context == NULL || JS_IsNull(error) ? NULL : JS_ToCString(context, error);
  fprintf(stderr, "conntrack: internal error: %s\n", text == NULL ? "out of memory" : text);
  return 1;
}

static int run(JSContext *context) {
  if (add_intrinsics(context) || make_native_module(context) == NULL || make_lazy_module(context) == NULL ||
      run_module(context, "main.mjs") == NULL) {
    return fail(context, JS_GetException(context));
  }
  for (JSContext *where; JS_ExecutePendingJob(JS_GetRuntime(context), &where) > 0;) {
  }
  return fail(context, JS_GetException(context));
}

int main(int count, char **words) {
  if (!take_process(count, words)) return 1;
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = runtime == NULL ? NULL : JS_NewContextRaw(runtime);
  if (context == NULL) return fail(NULL, JS_UNDEFINED);
  JS_SetGCThreshold(runtime, COLLECT_FROM_BYTES);
  return run(context);
}
