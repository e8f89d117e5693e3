/** `using` and `await using` for classes, where the engine has the symbols: Node before 20.4 does not. */

/** What either symbol calls, by the class's own word for it. */
export function disposable<Instance>(
  of: { readonly prototype: Instance },
  symbol: "dispose" | "asyncDispose",
  dispose: (instance: Instance) => unknown,
  symbols: { readonly [name in typeof symbol]?: symbol } = Symbol,
): void {
  const key = symbols[symbol];
  if (key === undefined) return;
  Object.defineProperty(of.prototype, key, {
    configurable: true,
    writable: true,
    value(this: Instance) {
      return dispose(this);
    },
  });
}
