/** A short output that is held until the program ends, as stdio does for what is no terminal. */
import type { Sink } from "../system/io.js";

/** What stdio holds of a pipe or a file: of an output below this size, the summary on stderr comes first. */
const HELD_BYTES = 4096;

/**
 * Holds what is written until it comes to 4,096 bytes; from there on everything is written at once. So a caller that sends
 * stdout and stderr to the same pipe reads the summary first where there is little to show
 * (`conntrack -D -s ADDR 2>&1 | head -n1`), and last otherwise.
 */
export class HeldOutput implements Sink {
  readonly #sink: Sink;
  #held: Uint8Array[] | undefined = [];
  #length = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      this.#sink.write(bytes);
      return;
    }
    // The caller writes to its buffer again.
    this.#held.push(bytes.slice());
    this.#length += bytes.length;
    if (this.#length >= HELD_BYTES) this.flush();
  }

  /** Writes what is held, and holds nothing from now on. Throws what writing throws. */
  flush(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.#sink.write(bytes);
  }
}
