/**
 * --color: colours for what goes to stdout. The formats know nothing of it: the bytes that they write are passed on as they
 * are, with escapes between them.
 */
import { Chalk } from "chalk";
import { reportPieces } from "../diagnosis/pieces.js";
import { WORD_COLORS } from "../format/word-colors.js";
import { decodeText, encodeText } from "../system/text.js";
import type { Sink } from "./io.js";

// Whether there are colours was decided before this module was loaded. The sixteen colours go with every background.
const chalk = new Chalk({ level: 1 });

type Style = (text: string) => string;

const NAME = chalk.blue;
const ADDRESS = chalk.cyan;
const TEXT = chalk.green;
const NUMBER = chalk.magenta;

const WORDS: ReadonlyMap<string, Style> = new Map([...WORD_COLORS].map(([word, color]) => [word, chalk[color]]));

const word = (text: string): string => WORDS.get(text)?.(text) ?? text;

/** A string, which is a name where a colon follows; a number or a literal. */
const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(:)?|-?\d+(?:\.\d+)?|\btrue\b|\bfalse\b|\bnull\b/g;

function paintJson(line: string): string {
  return line.replace(JSON_TOKEN, (token: string, string?: string, colon?: string) => {
    if (string === undefined) return NUMBER(token);
    if (colon !== undefined) return NAME(string) + colon;
    const style = WORDS.get(string.slice(1, -1)) ?? WORDS.get(string.slice(1, -1).toUpperCase()) ?? TEXT;
    return style(string);
  });
}

/** The beginning of a tag, the value of an attribute, a word between tags. */
const XML_TOKEN = /(<[/?]?)([\w-]+)|("[^"]*")|(?<=>)([A-Z_0-9]+)(?=<)/g;

function paintXml(line: string): string {
  return line.replace(XML_TOKEN, (token: string, open?: string, name?: string, value?: string) => {
    if (name !== undefined) return open + NAME(name);
    return value === undefined ? word(token) : TEXT(value);
  });
}

/** An option, or what stands between blanks. */
const SAVE_TOKEN = /(?<= |^)(?:(--?[A-Za-z][\w-]*)|([^\s-]\S*))/g;

function paintSave(line: string): string {
  return line.replace(SAVE_TOKEN, (token: string, option?: string) =>
    option === undefined ? word(token) : NAME(option),
  );
}

/** The name of an address with its value, another name, or a word in capitals. */
const TEXT_TOKEN = /(\b(?:src|dst)=)(\S+)|(\b[a-z][a-z_-]*=)|\b[A-Z][A-Z_0-9]+\b/g;

function paintText(line: string): string {
  return line.replace(TEXT_TOKEN, (token: string, side?: string, address?: string, name?: string) => {
    if (side !== undefined) return NAME(side) + ADDRESS(address!);
    return name === undefined ? word(token) : NAME(name);
  });
}

/** The heading of a table. */
const HEADING = /^[A-Z%][A-Z0-9%/ -]*$/;

function paintReport(line: string): string | undefined {
  return reportPieces(line)
    ?.map(({ text, style }) => (style === "plain" ? text : chalk[style](text)))
    .join("");
}

/** A counter with its meaning: words, where the row of a group has more figures. */
const COUNTER_LINE = /^([a-z_]+)( +[\d,]+(?: +[+-]\d+\/s)? {2,}(?=[A-Za-z]).*?)(Should be 0)?$/;

function paintCounter(line: string): string | undefined {
  const found = COUNTER_LINE.exec(line);
  return found === null ? undefined : NAME(found[1]!) + found[2] + (found[3] === undefined ? "" : chalk.red(found[3]));
}

/** What --all-netns puts in front of a line. */
const MARK = /^\[[^\]]*\] /;

function paintLine(line: string): string {
  const mark = MARK.exec(line)?.[0] ?? "";
  return mark === "" ? paintUnmarked(line) : paintText(mark) + paintUnmarked(line.slice(mark.length));
}

function paintUnmarked(line: string): string {
  switch (line[0]) {
    case "{":
      return paintJson(line);
    case "<":
      return paintXml(line);
    case "-":
      return paintSave(line);
    default:
      return HEADING.test(line) ? chalk.bold(line) : (paintReport(line) ?? paintCounter(line) ?? paintText(line));
  }
}

/** A sink that colours lines on their way to another one. */
export function colored(sink: Sink): Sink {
  return {
    write(bytes) {
      const text = decodeText(bytes);
      sink.write(encodeText(text.split("\n").map(paintLine).join("\n")));
    },
  };
}
