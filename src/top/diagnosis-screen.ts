/** The diagnosis of --diagnose as a screen of the view. */
import type { Counter } from "../ctnetlink/view.js";
import { duration, grouped } from "../format/human.js";
import type { Draw, Screen, Size } from "./draw.js";
import { filterWith, fitting, named, tooSmall } from "./draw.js";
import type { Key } from "./keys.js";
import { Pager } from "./pager.js";
import type { Picture } from "./picture.js";
import type { Effect } from "./state.js";
import { cutLine, folded, type Line, plainText, span } from "./text.js";

/** The lines of a report for a width; some are longer. */
export type Report = (width: number) => readonly Line[];

/**
 * A report that is being made. Each step says when the next one is due, in microseconds since 1970; 0: at once. Closing it gives back
 * what it holds.
 */
export type DiagnosisParts = Generator<number, Report, void>;

/** What the diagnosis is made with. */
export interface DiagnosisSources {
  nowMicroseconds(): number;
  /** `read` counts the entries that were read. */
  diagnose(read: Counter): DiagnosisParts;
}

const KEYS = ["q quit", "ESC back", "a again", "SCROLL scroll", "h help"];

/** Opens the screen, and begins to read. */
export function openDiagnosis(filterText: string, sources: DiagnosisSources): DiagnosisScreen {
  return new DiagnosisScreen(filterText, sources);
}

export class DiagnosisScreen {
  readonly #filterText: string;
  readonly #sources: DiagnosisSources;
  readonly #pager = new Pager();
  #report: Report | undefined;
  /** When the report was complete. */
  #madeMicros = 0;
  /** What is being read, and when its next step is due. */
  #parts: DiagnosisParts | undefined;
  #read: Counter = { count: 0 };
  #dueMicros = 0;

  constructor(filterText: string, sources: DiagnosisSources) {
    this.#filterText = filterText;
    this.#sources = sources;
    this.#begin();
  }

  get isReading(): boolean {
    return this.#parts !== undefined;
  }

  /** When there is something to do next, in microseconds since 1970. */
  get dueMicros(): number {
    return this.#dueMicros;
  }

  /** Works for about `micros`, where something is due. */
  work(micros: number): void {
    const { nowMicroseconds } = this.#sources;
    const until = nowMicroseconds() + micros;
    while (this.#parts !== undefined && this.#dueMicros <= nowMicroseconds() && nowMicroseconds() < until) {
      const { done, value } = this.#parts.next();
      if (done) {
        this.#report = value;
        this.#madeMicros = nowMicroseconds();
        this.#parts = undefined;
      } else this.#dueMicros = value;
    }
  }

  /** Ends what is being read. */
  close(): void {
    this.#parts?.return(() => []);
    this.#parts = undefined;
  }

  /** What a key does here; "leave" goes back to the table. */
  press(key: Key): Effect | "leave" | "help" {
    if (this.#pager.press(key)) return "redraw";
    if ("character" in key) {
      if (key.character === "q") return "quit";
      if (key.character === "d") return "leave";
      if (key.character === "h" || key.character === "?") return "help";
      if (key.character === "a") this.#begin();
      return "redraw";
    }
    if (key.name === "escape" || key.name === "backspace") return "leave";
    if (key.name === "interrupt" || key.name === "quit" || key.name === "end-of-input") return "quit";
    return key.name === "suspend" ? "suspend" : "redraw";
  }

  draw({ host, nowMicros }: Picture, size: Size, { marks }: Draw): Screen {
    const small = tooSmall(size);
    if (small !== undefined) return small;
    const { columns, rows } = size;
    const lines = this.#report === undefined ? [] : reportScreen(this.#report(columns), columns);
    const room = rows - 4;
    const page = this.#pager.page(lines, room);
    const position = this.#pager.position;
    const body = [
      [span(host, "bold"), span(`${marks.dot}diagnosis${marks.dot}${this.#progress(nowMicros)}`)],
      filterWith(this.#filterText, position === "" ? [] : named("lines ", position), columns, marks),
      [],
      ...page,
    ];
    while (body.length < rows - 1) body.push([]);
    const keys = KEYS.flatMap((key) => {
      if (key.startsWith("SCROLL") && !this.#pager.isLong) return [];
      return span(key.replace("ESC", "Esc").replace("SCROLL", marks.scroll), "dim");
    });
    const all = [...body, fitting(keys, columns, "  ")];
    return { lines: all.map((line) => cutLine(line, columns)), cursor: undefined, selected: undefined };
  }

  #begin(): void {
    if (this.#parts !== undefined) return;
    this.#read = { count: 0 };
    this.#parts = this.#sources.diagnose(this.#read);
    this.#dueMicros = 0;
  }

  /** How far it is, or how old. */
  #progress(nowMicros: number): string {
    if (this.#parts === undefined) {
      const seconds = Math.max(0, Math.floor((nowMicros - this.#madeMicros) / 1e6));
      return seconds < 60 ? `made ${seconds} s ago` : `made ${duration(seconds)} ago`;
    }
    const what = this.#report === undefined ? "reading" : "reading again";
    const entries = `${what}: ${grouped(this.#read.count)} entries`;
    if (this.#dueMicros === 0) return entries;
    const seconds = Math.max(0, (this.#dueMicros - nowMicros) / 1e6);
    return `${entries}, the counters once more in ${seconds.toFixed(0)} s`;
  }
}

/** The lines of a report. Those that are too long go on below. */
function reportScreen(lines: readonly Line[], columns: number): Line[] {
  return lines.flatMap((line) => {
    const text = plainText(line);
    // Below the text of the line, where it has a label; else a little deeper than the line.
    const indent = /^ {0,2}[A-Za-z]+ {2,}/.exec(text)?.[0].length ?? text.search(/\S|$/) + 2;
    return folded(line, columns, indent);
  });
}
