/** Text on a grid of characters: how many columns it takes, and pieces of it with a style. */
import { eastAsianWidth } from "get-east-asian-width";
import { withoutControls } from "../system/text.js";

/** How a piece of text looks. "reverse" is the row that is selected. */
export type Style = "plain" | "bold" | "dim" | "red" | "yellow" | "green" | "reverse";

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
