/** Text on a grid of characters: how many columns it takes, and pieces of it with a style. */
import { eastAsianWidth } from "get-east-asian-width";
import { withoutControls } from "../system/text.js";

/** How a piece of text looks. "reverse" is the row that is selected. */
export type Style = "plain" | "bold" | "dim" | "red" | "yellow" | "green" | "cyan" | "magenta" | "reverse";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** A line of the screen. */
export type Line = readonly Span[];

const ASCII = /^[\x20-\x7e]*$/;
/** What is drawn over the character before it, or not at all. */
const NO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

function columnsOf(character: string): number {
  return NO_WIDTH.test(character) ? 0 : eastAsianWidth(character.codePointAt(0)!);
}

/** How many columns a terminal takes for a text without control characters. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** As much of the text as `width` columns hold. */
export function cut(text: string, width: number): string {
  if (ASCII.test(text)) return text.slice(0, Math.max(0, width));
  let result = "";
  let left = width;
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) break;
    result += character;
  }
  return result;
}

/** The text in `width` columns, with a mark in place of an end that is too long. */
export const endCut = (text: string, width: number, mark: string): string =>
  widthOf(text) <= width ? text : cut(text, width - widthOf(mark)) + mark;

/** The text in `width` columns. What is too long lacks its middle: the end of an address tells more than that. */
export function shortened(text: string, width: number, mark: string): string {
  if (widthOf(text) <= width) return text;
  const room = width - widthOf(mark);
  if (room < 2) return cut(text, width);
  const end = cut([...text].reverse().join(""), Math.floor(room / 2));
  return cut(text, Math.ceil(room / 2)) + mark + [...end].reverse().join("");
}

export const padStart = (text: string, width: number): string => " ".repeat(Math.max(0, width - widthOf(text))) + text;
export const padEnd = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

export const span = (text: string, style: Style = "plain"): Span => ({ text, style });

/** The columns that a line takes. */
export const lineWidth = (line: Line): number => line.reduce((width, { text }) => width + widthOf(text), 0);

/** As much of the line as `width` columns hold. */
export function cutLine(line: Line, width: number): Line {
  const result: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const piece = cut(text, left);
    result.push({ text: piece, style });
    left -= widthOf(piece);
  }
  return result;
}

/** The line in as many lines as it takes, broken at blanks where there are any. All but the first are indented. */
export function folded(line: Line, columns: number, indent: number): Line[] {
  const lines: Line[] = [];
  let rest = line;
  for (let room = columns; lineWidth(rest) > room; room = columns - indent) {
    const fits = cut(plainText(rest), room);
    const isBlankNext = plainText(rest)[fits.length] === " ";
    const blank = isBlankNext ? fits.length : fits.lastIndexOf(" ");
    // A blank of the indentation is none to break at.
    const end = blank <= 0 || fits.slice(0, blank).trim() === "" ? fits.length : blank;
    lines.push(indented(cutLine(rest, widthOf(fits.slice(0, end))), lines.length === 0 ? 0 : indent));
    rest = withoutStart(rest, end);
  }
  return [...lines, indented(rest, lines.length === 0 ? 0 : indent)];
}

const indented = (line: Line, columns: number): Line => (columns === 0 ? line : [span(" ".repeat(columns)), ...line]);

/** What follows the first `length` UTF-16 units, and the blanks behind them. */
function withoutStart(line: Line, length: number): Line {
  const whole = plainText(line);
  let skip = length + (whole.slice(length).length - whole.slice(length).trimStart().length);
  return line.flatMap(({ text, style }) => {
    const kept = text.slice(skip);
    skip = Math.max(0, skip - text.length);
    return kept === "" ? [] : span(kept, style);
  });
}

/** The line without its styles. */
export const plainText = (line: Line): string => line.map(({ text }) => text).join("");

/** ECMA-48 "select graphic rendition" of each style. */
const CODES: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  red: "\x1b[31m",
  yellow: "\x1b[33m",
  green: "\x1b[32m",
  magenta: "\x1b[35m",
  cyan: "\x1b[36m",
  reverse: "\x1b[7m",
};
const RESET = "\x1b[0m";
/** What shows something without colour too. */
const WITHOUT_COLOR: readonly Style[] = ["bold", "reverse"];

/** The line with escape sequences. What others wrote into it cannot add any. */
export function styled(line: Line, color: boolean): string {
  return line
    .map(({ text, style }) => {
      const code = color || WITHOUT_COLOR.includes(style) ? CODES[style] : "";
      const safe = withoutControls(text);
      return code === "" ? safe : code + safe + RESET;
    })
    .join("");
}
