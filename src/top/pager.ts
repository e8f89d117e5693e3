/** Lines that are looked at a screen at a time. */
import type { Key, KeyName } from "./keys.js";
import type { Line } from "./text.js";

const STEPS: { readonly [Name in KeyName]?: (page: number) => number } = {
  up: () => -1,
  down: () => 1,
  "page-up": (page) => -page,
  "page-down": (page) => page,
  home: () => Number.NEGATIVE_INFINITY,
  end: () => Number.POSITIVE_INFINITY,
};

export class Pager {
  /** The first line on the screen. */
  #first = 0;
  /** How many lines there are, and how many fit: the screen says so when it is drawn. */
  #count = 0;
  #room = 1;

  /** Whether there is more than fits. */
  get isLong(): boolean {
    return this.#count > this.#room;
  }

  /** "12-30 of 44", or nothing where all lines fit. */
  get position(): string {
    if (!this.isLong) return "";
    return `${this.#first + 1}-${Math.min(this.#count, this.#first + this.#room)} of ${this.#count}`;
  }

  /** The lines that are on the screen. */
  page(lines: readonly Line[], room: number): readonly Line[] {
    this.#count = lines.length;
    this.#room = Math.max(1, room);
    this.#move(0);
    return lines.slice(this.#first, this.#first + room);
  }

  /** Moves where the key says so and not all lines fit; returns whether that was so. */
  press(key: Key): boolean {
    const name = "name" in key ? key.name : ({ j: "down", k: "up" } as const)[key.character as "j" | "k"];
    const step = name && STEPS[name]?.(this.#room);
    if (step === undefined || !this.isLong) return false;
    this.#move(step);
    return true;
  }

  #move(step: number): void {
    this.#first = Math.max(0, Math.min(this.#first + step, this.#count - this.#room));
  }
}
