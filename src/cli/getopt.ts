/**
 * Options out of words, one at a time, the way GNU getopt_long(3) reads them: words that are no options may stand
 * anywhere, `--` ends the options, letters bundle, values may be attached.
 */
import { UsageError } from "../system/errors.js";

/**
 * What an option takes.
 * - "required": a value, attached or the next word, whatever that looks like.
 * - "optional": a value that is attached, or the next word if that can be one.
 * - "long-or-word": `--name=value` or the next word if that can be a value; behind a letter more letters follow.
 * - "attached": `--name=value` alone; without that, it has no value.
 * - "word": the next word if that can be a value; nothing can be attached.
 */
export type Argument = "none" | "required" | "optional" | "long-or-word" | "attached" | "word";

export interface OptionSpec {
  readonly argument: Argument;
  /** What is attached to the letter is passed over. */
  readonly ignoresAttached?: boolean;
}

export interface Grammar<Spec> {
  /** The option of a letter, by its character code. */
  letter(code: number): Spec | undefined;
  /** The option that `name`, without its dashes, is the name of or an unambiguous beginning of. */
  name(name: string): Spec | undefined;
}

const DASH = 0x2d;
const BANG = 0x21;

/** A state machine, for it is used for every line of a load-file: no words are copied or moved. */
export class Getopt<Spec extends OptionSpec> {
  /** The value of the option that next() returned; undefined where it has none. */
  value: string | undefined;
  readonly #words: readonly string[];
  readonly #grammar: Grammar<Spec>;
  readonly #posixlyCorrect: boolean;
  /** The next word to read. */
  #index: number;
  /** The next letter of the bundle in the word at #index; 0 between words. */
  #letter = 0;
  /** The last word that was passed over because it is no option. */
  #passedOver: string | undefined;
  readonly #operands: string[] = [];

  /**
   * @param words the program's name first: messages can name it
   * @param posixlyCorrect whether the first word that is no option ends the options
   */
  constructor(words: readonly string[], grammar: Grammar<Spec>, posixlyCorrect: boolean, start = 1) {
    this.#words = words;
    this.#grammar = grammar;
    this.#posixlyCorrect = posixlyCorrect;
    this.#index = start;
  }

  /** The next option, or undefined when there are no more. Throws UsageError. */
  next(): Spec | undefined {
    this.value = undefined;
    if (this.#letter === 0) {
      const word = this.#nextOptionWord();
      if (word === undefined) return undefined;
      if (word.charCodeAt(1) === DASH) return this.#long(word);
      this.#letter = 1;
    }
    return this.#short(this.#words[this.#index]!);
  }

  /** A second reader, with a grammar of its own, that starts at the long option whose name is being looked up. */
  ahead(grammar: Grammar<Spec>): Getopt<Spec> {
    return new Getopt(this.#words, grammar, this.#posixlyCorrect, this.#index - 1);
  }

  /** The same of the words behind the option that next() returned, and its value. */
  behind(grammar: Grammar<Spec>): Getopt<Spec> {
    return new Getopt(this.#words, grammar, this.#posixlyCorrect, this.#index);
  }

  /** The words that are neither options nor values, "--" too. Known when next() has returned undefined. */
  get operands(): readonly string[] {
    return [...this.#operands, ...this.#words.slice(this.#index)];
  }

  #nextOptionWord(): string | undefined {
    for (; this.#index < this.#words.length; this.#index++) {
      const word = this.#words[this.#index]!;
      if (word === "--") return undefined;
      if (word.length > 1 && word.charCodeAt(0) === DASH) return word;
      if (this.#posixlyCorrect) return undefined;
      this.#passedOver = word;
      this.#operands.push(word);
    }
    return undefined;
  }

  #long(word: string): Spec {
    this.#index++;
    const equals = word.indexOf("=");
    const spec = this.#grammar.name(equals < 0 ? word.slice(2) : word.slice(2, equals));
    if (spec === undefined) throw this.#unknown();
    const { argument } = spec;
    if (equals >= 0) {
      if (argument === "none" || argument === "word") throw this.#unknown();
      this.value = word.slice(equals + 1);
    } else {
      this.#takeWord(argument);
    }
    return spec;
  }

  #short(word: string): Spec {
    const spec = this.#grammar.letter(word.charCodeAt(this.#letter++));
    const attached = this.#letter < word.length;
    if (!attached) this.#endWord();
    if (spec === undefined) throw this.#unknown();
    const { argument } = spec;
    if (!attached) {
      this.#takeWord(argument);
    } else if (argument === "required" || argument === "optional") {
      this.value = word.slice(this.#letter);
      this.#endWord();
    } else if (spec.ignoresAttached === true) {
      this.#endWord();
    }
    return spec;
  }

  #endWord(): void {
    this.#index++;
    this.#letter = 0;
  }

  /** Takes the next word as the value, where it is one. */
  #takeWord(argument: Argument): void {
    if (argument === "none" || argument === "attached") return;
    const word = this.#index < this.#words.length ? this.#words[this.#index] : undefined;
    if (argument === "required") {
      if (word === undefined) throw new UsageError(`option \`${this.#named()}' requires an argument`);
    } else {
      const first = word?.charCodeAt(0);
      if (first === DASH || first === BANG) return;
    }
    if (word === undefined) return;
    this.value = word;
    this.#index++;
  }

  #unknown(): UsageError {
    return new UsageError(`unknown option \`${this.#named()}'`);
  }

  /**
   * The word that a message names. getopt(3) leaves a program nothing better than the word before the next one to read:
   * the one at fault, unless more letters follow in it; and words passed over have by then been moved to that place.
   */
  #named(): string {
    const moreLetters = this.#letter !== 0;
    return (moreLetters ? this.#passedOver : undefined) ?? this.#words[this.#index - 1]!;
  }
}
