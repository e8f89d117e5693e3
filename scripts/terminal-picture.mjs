#!/usr/bin/env node
/**
 * Makes a picture (SVG) of what a program wrote to a terminal: text with colours on stdin, the picture on stdout.
 *
 *     conntrack -L -o table --color=always | node scripts/terminal-picture.mjs --title 'conntrack -L -o table' >table.svg
 *     tmux capture-pane -e -p | node scripts/terminal-picture.mjs --title 'conntrack --top' >docs/pictures/top.svg
 *
 * --title TEXT   the text in the window's bar
 * --columns N    the terminal's width; that of the longest line unless this says otherwise
 * --theme NAME   dark or light; dark unless this says otherwise
 *
 * It knows the sequences of ECMA-48 that change how text looks (SGR), and passes over all others: a whole screen has to be
 * captured, as tmux does it. Each run of text is stretched to the columns it takes, so the grid is right in every font.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { eastAsianWidth } from "get-east-asian-width";

/** Pixels. */
const CELL = { width: 8.4, height: 18 };
const FONT_SIZE = 14;
const PADDING = 14;
const BAR = 32;

/** @typedef {{ foreground: string, background: string, frame: string, colors: string[] }} Theme the sixteen colours are SGR 30–37 and 90–97 */

/** @type {Readonly<Record<"dark" | "light", Theme>>} */
const THEMES = {
  dark: {
    foreground: "#d5dae3",
    background: "#161b26",
    frame: "#232a39",
    colors: [
      ...["#3b4252", "#ef6b73", "#8ccf7e", "#e5c76b", "#67b0e8", "#c47fd5", "#6cbfbf", "#d5dae3"],
      ...["#6b7488", "#f58a91", "#a6dd9b", "#efd891", "#8cc5f0", "#d6a0e3", "#8fd3d3", "#ffffff"],
    ],
  },
  light: {
    foreground: "#24292f",
    background: "#f6f8fa",
    frame: "#e4e8ec",
    colors: [
      ...["#24292f", "#cf222e", "#116329", "#7d5200", "#0550ae", "#8250df", "#1b7c83", "#6e7781"],
      ...["#57606a", "#a40e26", "#1a7f37", "#633c01", "#0969da", "#6639ba", "#3192aa", "#ffffff"],
    ],
  },
};

/** The 256 colours of SGR 38;5;N. */
function colorOf(number, colors) {
  if (number < 16) return colors[number];
  if (number >= 232) return grey(8 + 10 * (number - 232));
  const level = (step) => (step === 0 ? 0 : 55 + 40 * step);
  const rest = number - 16;
  return rgb(level(Math.floor(rest / 36)), level(Math.floor(rest / 6) % 6), level(rest % 6));
}

const rgb = (red, green, blue) => `rgb(${red},${green},${blue})`;
const grey = (level) => rgb(level, level, level);

/** How text looks where no sequence has said anything. */
const PLAIN = { color: undefined, background: undefined, bold: false, dim: false, reverse: false, underline: false };

/** The style after the parameters of one sequence. */
function restyle(style, parameters, colors) {
  let next = { ...style };
  const numbers = parameters.split(/[;:]/).map(Number);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i];
    const extended = () => {
      if (numbers[i + 1] === 5) return colorOf(numbers[(i += 2)], colors);
      i += 4;
      return rgb(numbers[i - 2], numbers[i - 1], numbers[i]);
    };
    if (number === 0) next = { ...PLAIN };
    else if (number === 1) next.bold = true;
    else if (number === 2) next.dim = true;
    else if (number === 4) next.underline = true;
    else if (number === 7) next.reverse = true;
    else if (number === 22) next.bold = next.dim = false;
    else if (number === 24) next.underline = false;
    else if (number === 27) next.reverse = false;
    else if (number >= 30 && number <= 37) next.color = colors[number - 30];
    else if (number === 38) next.color = extended();
    else if (number === 39) next.color = undefined;
    else if (number >= 40 && number <= 47) next.background = colors[number - 40];
    else if (number === 48) next.background = extended();
    else if (number === 49) next.background = undefined;
    else if (number >= 90 && number <= 97) next.color = colors[number - 82];
    else if (number >= 100 && number <= 107) next.background = colors[number - 92];
  }
  return next;
}

const widthOf = (text) =>
  [...text].reduce(
    (sum, one) => sum + (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(one) ? 0 : eastAsianWidth(one.codePointAt(0))),
    0,
  );

/** SGR; every other sequence that begins with ESC [ or ESC ]; other controls but the newline. */
const SEQUENCE = /\x1b\[([\d;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x09\x0b-\x1f\x7f]/g;

/**
 * The lines: pieces of text, each with its style and the column where it begins.
 *
 * @typedef {{ text: string, style: any, column: number, width: number }} Piece
 */
function readLines(text, colors) {
  /** @type {Piece[]} */
  let line = [];
  const lines = [line];
  /** @type {any} */
  let style = PLAIN;
  let column = 0;
  const put = (piece) => {
    for (const [i, part] of piece.split("\n").entries()) {
      if (i > 0) {
        line = [];
        lines.push(line);
        column = 0;
      }
      if (part === "") continue;
      const width = widthOf(part);
      line.push({ text: part, style, column, width });
      column += width;
    }
  };
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    put(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = restyle(style, match[1], colors);
  }
  put(text.slice(from));
  const isEmpty = (pieces) => pieces.every((piece) => piece.text.trim() === "");
  while (lines.length > 1 && isEmpty(lines[lines.length - 1])) lines.pop();
  return lines;
}

const escaped = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const round = (value) => String(Math.round(100 * value) / 100);

function drawPiece({ text, style, column, width }, row, { foreground, background: ground }) {
  const x = round(PADDING + column * CELL.width);
  const top = BAR + PADDING + row * CELL.height;
  const length = round(width * CELL.width);
  const color = style.reverse ? (style.background ?? ground) : style.color;
  const background = style.reverse ? (style.color ?? foreground) : style.background;
  const parts = [];
  if (background !== undefined) {
    parts.push(`<rect x="${x}" y="${round(top)}" width="${length}" height="${CELL.height}" fill="${background}"/>`);
  }
  const marks = [
    color === undefined ? "" : ` fill="${color}"`,
    style.bold ? ' font-weight="bold"' : "",
    style.dim ? ' opacity="0.6"' : "",
    style.underline ? ' text-decoration="underline"' : "",
  ].join("");
  const baseline = round(top + 0.74 * CELL.height);
  // Blanks between columns are left out: some programs that show pictures would join them.
  for (const { 0: words, index } of text.matchAll(/\S+(?: \S+)*/g)) {
    const at = round(PADDING + (column + widthOf(text.slice(0, index))) * CELL.width);
    const stretch = round(widthOf(words) * CELL.width);
    parts.push(`<text x="${at}" y="${baseline}" textLength="${stretch}"${marks}>${escaped(words)}</text>`);
  }
  return parts;
}

/**
 * The picture of a text with sequences.
 *
 * @param {string} text
 * @param {{ title?: string, columns?: number, theme?: keyof typeof THEMES }} [options]
 */
export function terminalPicture(text, { title = "", columns = 0, theme = "dark" } = {}) {
  const { foreground, background, frame, colors } = THEMES[theme];
  const lines = readLines(text, colors);
  const used = lines.flat().reduce((most, piece) => Math.max(most, piece.column + piece.width), 0);
  const width = round(2 * PADDING + Math.max(columns, used) * CELL.width);
  const height = round(BAR + 2 * PADDING + lines.length * CELL.height);
  const lights = ["#ef6b73", "#e5c76b", "#8ccf7e"].map((color, i) => {
    return `<circle cx="${20 + 18 * i}" cy="${BAR / 2}" r="5.5" fill="${color}"/>`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${background}"/>`,
    `<path d="M0 8a8 8 0 0 1 8-8h${round(Number(width) - 16)}a8 8 0 0 1 8 8v${BAR - 8}H0z" fill="${frame}"/>`,
    ...lights,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="${FONT_SIZE}" fill="${foreground}">`,
    `<text x="50%" y="${BAR / 2 + 5}" text-anchor="middle" opacity="0.75">${escaped(title)}</text>`,
    ...lines.flatMap((line, row) => line.flatMap((piece) => drawPiece(piece, row, THEMES[theme]))),
    "</g>",
    "</svg>",
  ].join("\n")}\n`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { title: { type: "string" }, columns: { type: "string" }, theme: { type: "string" } },
  });
  const { title, columns, theme = "dark" } = values;
  if (theme !== "dark" && theme !== "light") throw new Error(`no theme "${theme}": dark or light`);
  process.stdout.write(terminalPicture(readFileSync(0, "utf8"), { title, columns: Number(columns ?? 0), theme }));
}
