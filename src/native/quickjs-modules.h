/* The modules of bytecode that the executable holds: scripts/lazy-modules.mjs says which code is in which. */
#ifndef QUICKJS_MODULES_H
#define QUICKJS_MODULES_H

#include "quickjs.h"

/*
 * Has imports find these modules, and makes the module "lazy", whose one function load(name) returns the exports of a
 * module, which it runs where that has not happened yet. NULL where there is no memory.
 */
JSModuleDef *make_lazy_module(JSContext *context);

/* Runs a module, and all that it imports. None may await anything at its top. NULL with an exception. */
JSModuleDef *run_module(JSContext *context, const char *name);

#endif
