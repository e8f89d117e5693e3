/** What bun.ts uses of bun:ffi: the packages of Bun's types would bring all of Bun's globals. */
declare module "bun:ffi" {
  /** An address. */
  type Pointer = number & { readonly __pointer?: never };

  interface ArgumentTypes {
    i32: number;
    u64_fast: number;
    ptr: Pointer | null;
  }
  interface ResultTypes {
    i32: number;
    ptr: Pointer | null;
    cstring: { toString(): string };
  }
  interface Signature {
    readonly args: readonly (keyof ArgumentTypes)[];
    readonly returns: keyof ResultTypes;
  }
  type Arguments<Types extends readonly (keyof ArgumentTypes)[]> = {
    -readonly [Index in keyof Types]: ArgumentTypes[Types[Index]];
  };
  type Function<S extends Signature> = {
    (...args: Arguments<S["args"]>): ResultTypes[S["returns"]];
    /** Where the function is. */
    readonly ptr: Pointer;
  };

  function dlopen<Signatures extends Readonly<Record<string, Signature>>>(
    name: string,
    signatures: Signatures,
  ): { readonly symbols: { readonly [Name in keyof Signatures]: Function<Signatures[Name]> } };
  /** The address of the array's contents, which does not change while it lives. */
  function ptr(array: NodeJS.TypedArray, offset?: number): Pointer;
  function toArrayBuffer(pointer: Pointer, offset: number, length: number): ArrayBuffer;
}
