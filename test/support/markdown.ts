/** What the tests need of Markdown: blocks of code, links, names of files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";

/** Every document for people, by its path in the repository. */
export const DOCUMENTS: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const readDocument = (path: string): string => readFileSync(join(root, path), "utf8");

/** A fenced block of code. */
export interface CodeBlock {
  language: string;
  /** The comment in front of it, `<!-- … -->`, which says how a test runs it. */
  comment: string;
  text: string;
  /** Line of the document, from 1. */
  line: number;
}

const FENCED = /(?:^<!-- (.*) -->\n)?^([ \t]*)```(\w*)\n([\s\S]*?)^[ \t]*```$/gm;

export function codeBlocks(markdown: string): CodeBlock[] {
  return Array.from(markdown.matchAll(FENCED), ({ index, 1: comment = "", 2: indent, 3: language, 4: text }) => ({
    language: language!,
    comment,
    text: text!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    line: markdown.slice(0, index).split("\n").length,
  }));
}

/** The document without its blocks of code. */
export const prose = (markdown: string): string => markdown.replaceAll(FENCED, "");

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
}

export function anchors(markdown: string): string[] {
  const headings = Array.from(prose(markdown).matchAll(/^#+ (.*)$/gm), ([, heading]) => anchor(heading!.trim()));
  // A heading that comes again gets a number.
  return headings.map((name, index) => {
    const before = headings.slice(0, index).filter((other) => other === name).length;
    return before === 0 ? name : `${name}-${before}`;
  });
}

/** Targets of links and pictures. */
export function links(markdown: string): string[] {
  const text = prose(markdown).replaceAll(/`[^`\n]*`/g, "");
  return Array.from(
    text.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]*)"/g),
    ([, link, value]) => link ?? value!,
  );
}

/** What stands between backticks in the text. */
export function inlineCode(markdown: string): string[] {
  return Array.from(prose(markdown).matchAll(/`([^`]+)`/g), ([, code]) => code!.replaceAll(/\s+/g, " "));
}
