/**
 * --color: colours for what goes to stdout. The formats know nothing of it: the bytes that they write are passed on as they
 * are, with escapes between them.
 */
import { Chalk } from "chalk";
import { decodeText, encodeText } from "../system/text.js";
import type { Sink } from "./io.js";

// Whether there are colours was decided before this module was loaded. The sixteen colours go with every background.
const chalk = new Chalk({ level: 1 });

type Style = (text: string) => string;

const NAME = chalk.blue;
const ADDRESS = chalk.cyan;
const TEXT = chalk.green;
const NUMBER = chalk.magenta;

/** States of connections, flags and events: what is well, what begins, what is missing, what ends. */
const WORDS: ReadonlyMap<string, Style> = new Map(
  (
    [
      [chalk.green, "ESTABLISHED OPEN ASSURED NEW HEARTBEAT_ACKED ok"],
      // Yellow is hardly seen on white.
      [chalk.cyan, "SYN_RECV COOKIE_WAIT COOKIE_ECHOED REQUEST RESPOND PARTOPEN UPDATE HEARTBEAT_SENT"],
      [chalk.red, "SYN_SENT SYN_SENT2 UNREPLIED DESTROY INVALID NONE FULL"],
      [
        chalk.magenta,
        "FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE CLOSED CLOSEREQ CLOSING TIMEWAIT SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT",
      ],
      [chalk.cyan, "OFFLOAD HW_OFFLOAD USERSPACE"],
    ] as const
  ).flatMap(([style, words]) => words.split(" ").map((word) => [word, style] as const)),
);

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

/**
 * Lines of a diagnosis: a label and a verdict at the right end; another label; the number and title of a finding; a command.
 * No line of another format begins like these.
 */
const REPORT_LINE =
  /^(?:([A-Z][a-z]+)( {2,}.*?)(?:( )(ok|NEARLY FULL|FULL|LONG))?|( {2}(?:from|to|ports))( {2,}.*)|( {2}\d+\. [^:]+:)(.*)|( {7}(?:conntrack|sysctl|nsenter) .*)|(What helps, in this order|Nothing to mend\.))$/;

function paintReport(line: string): string | undefined {
  const found = REPORT_LINE.exec(line);
  if (found === null) return undefined;
  const [, label, text = "", blank = "", verdict, side, talker = "", title, rest = "", command, words] = found;
  if (label !== undefined) {
    const style = verdict === "ok" ? chalk.green : chalk.red;
    return chalk.bold(label) + paintText(text) + blank + (verdict === undefined ? "" : style(verdict));
  }
  if (side !== undefined) return side + talker;
  if (title !== undefined) return chalk.bold(title) + rest;
  return command === undefined ? chalk.bold(words!) : ADDRESS(command);
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
