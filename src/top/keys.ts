/** Keys out of the bytes that a terminal sends: characters, control keys, and escape sequences (ECMA-48, xterm). */
import { fromUtf8 } from "../system/text.js";

export type KeyName =
  | "enter"
  | "backspace"
  | "delete"
  | "escape"
  | "tab"
  | "up"
  | "down"
  | "left"
  | "right"
  | "home"
  | "end"
  | "page-up"
  | "page-down"
  | "interrupt"
  | "quit"
  | "suspend"
  | "redraw"
  | "clear-line"
  | "clear-word"
  | "end-of-input";

/** A character that was typed, or a key that has a name. */
export type Key = { readonly character: string } | { readonly name: KeyName };

const CONTROLS: Readonly<Record<number, KeyName>> = {
  0x01: "home",
  0x03: "interrupt",
  0x04: "end-of-input",
  0x05: "end",
  0x08: "backspace",
  0x09: "tab",
  0x0a: "enter",
  0x0c: "redraw",
  0x0d: "enter",
  0x15: "clear-line",
  0x17: "clear-word",
  0x1a: "suspend",
  0x1c: "quit",
  0x7f: "backspace",
};

/** Behind ESC [ or ESC O. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  M: "enter",
  "1~": "home",
  "3~": "delete",
  "4~": "end",
  "5~": "page-up",
  "6~": "page-down",
  "7~": "home",
  "8~": "end",
};

const ESC = 0x1b;
/** Parameters, intermediate bytes, and the final byte of a sequence. */
const SEQUENCE = /^(?:\[[0-?]*[ -/]*[@-~]|O[ -~])/;
/** One that has not ended yet. */
const BEGINNING = /^(?:|\[[0-?]*[ -/]*|O)$/;

/** How many bytes the character takes that begins with `first`. */
const utf8Length = (first: number): number => (first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);

/** Reads keys, and keeps the beginning of one until the rest comes. */
export class KeyReader {
  #held: number[] = [];

  /** Whether the last bytes may be the beginning of a key. */
  get isWaiting(): boolean {
    return this.#held.length > 0;
  }

  /** The keys in these bytes and those that were held before. */
  read(bytes: Uint8Array): Key[] {
    this.#held.push(...bytes);
    const keys: Key[] = [];
    while (this.#held.length > 0) {
      const [length, key] = this.#first();
      if (length === 0) break;
      this.#held.splice(0, length);
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }

  /** Nothing more came: an escape that was held is the key itself. */
  flush(): Key[] {
    const held = this.#held;
    this.#held = [];
    return held[0] === ESC ? [{ name: "escape" }] : [];
  }

  /** How many bytes the first key takes, 0 for one that is not there in full; no key for what means nothing here. */
  #first(): [length: number, key: Key | undefined] {
    const held = this.#held;
    const first = held[0]!;
    if (first === ESC) return this.#escape();
    const name = CONTROLS[first];
    if (name !== undefined) return [1, { name }];
    if (first < 0x20) return [1, undefined];
    const length = utf8Length(first);
    if (held.length < length) return [0, undefined];
    return [length, { character: fromUtf8(Uint8Array.from(held.slice(0, length))) }];
  }

  #escape(): [length: number, key: Key | undefined] {
    const rest = String.fromCharCode(...this.#held.slice(1, 33));
    const sequence = SEQUENCE.exec(rest)?.[0];
    if (sequence !== undefined) {
      // Of keys with a modifier, as in ESC [ 1 ; 5 C, the key alone counts.
      const plain = sequence.slice(1).replace(/^1?;\d+(?=[A-Z])|;\d+(?=~)/, "");
      const name = SEQUENCES[plain];
      return [1 + sequence.length, name === undefined ? undefined : { name }];
    }
    if (BEGINNING.test(rest)) return [0, undefined];
    return [1, { name: "escape" }];
  }
}
