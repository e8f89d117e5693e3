/** A line of text that is edited in place. Positions count characters, not UTF-16 units. */
import type { Key } from "./keys.js";

export class EditLine {
  #characters: string[];
  /** Where the next character goes. */
  #at: number;

  constructor(text: string) {
    this.#characters = [...text];
    this.#at = this.#characters.length;
  }

  get text(): string {
    return this.#characters.join("");
  }

  /** What stands before the cursor. */
  get before(): string {
    return this.#characters.slice(0, this.#at).join("");
  }

  /** What a key does to the line; keys that mean nothing here are passed over. */
  press(key: Key): void {
    const characters = this.#characters;
    if ("character" in key) {
      characters.splice(this.#at++, 0, key.character);
      return;
    }
    switch (key.name) {
      case "left":
        this.#at = Math.max(0, this.#at - 1);
        break;
      case "right":
        this.#at = Math.min(characters.length, this.#at + 1);
        break;
      case "home":
        this.#at = 0;
        break;
      case "end":
        this.#at = characters.length;
        break;
      case "backspace":
        if (this.#at > 0) characters.splice(--this.#at, 1);
        break;
      case "delete":
        characters.splice(this.#at, 1);
        break;
      case "clear-line":
        characters.splice(0, this.#at);
        this.#at = 0;
        break;
      case "clear-word": {
        let start = this.#at;
        while (start > 0 && characters[start - 1] === " ") start--;
        while (start > 0 && characters[start - 1] !== " ") start--;
        characters.splice(start, this.#at - start);
        this.#at = start;
        break;
      }
    }
  }
}
