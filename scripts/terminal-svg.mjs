/** The text of a terminal, with its colours, as a picture in SVG. It has its own ground, light or dark as the reader's page is. */

/** The sixteen colours, as GitHub's pages show them. Only those that the command uses. */
const LIGHT = {
  ground: "#ffffff",
  edge: "#d0d7de",
  text: "#1f2328",
  faint: "#59636e",
  red: "#cf222e",
  green: "#1a7f37",
  yellow: "#9a6700",
  blue: "#0969da",
  magenta: "#8250df",
  cyan: "#1b7c83",
};

const DARK = {
  ground: "#0d1117",
  edge: "#30363d",
  text: "#e6edf3",
  faint: "#9198a1",
  red: "#ff7b72",
  green: "#3fb950",
  yellow: "#d29922",
  blue: "#58a6ff",
  magenta: "#bc8cff",
  cyan: "#39c5cf",
};

const CHARACTER_WIDTH = 7.8;
const LINE_HEIGHT = 18;
const MARGIN = 16;

/** SGR parameters that are shown (ECMA-48, 8.3.117); 39 and 22 end them. */
const COLOURS = { 31: "red", 32: "green", 33: "yellow", 34: "blue", 35: "magenta", 36: "cyan", 90: "faint" };

/** @param {typeof LIGHT} colours */
function styles({ ground, edge, text, ...names }) {
  return [
    `.ground { fill: ${ground}; stroke: ${edge} }`,
    `text { fill: ${text} }`,
    ...Object.entries(names).map(([name, colour]) => `.${name} { fill: ${colour} }`),
  ].join(" ");
}

/** @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** @param {string} text without its escapes */
export const plain = (text) => text.replace(/\x1b\[[\d;]*m/g, "");

/**
 * One line as elements. Throws where it has an escape that is no colour, rather than show something else than the terminal.
 * @param {string} line
 */
function spans(line) {
  let colour = "";
  let bold = false;
  return line
    .split(/(\x1b\[[\d;]*m)/)
    .map((part) => {
      const codes = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
      if (codes === undefined) {
        if (/[\x00-\x1f]/.test(part)) throw new Error(`not text: ${JSON.stringify(part)}`);
        const names = [colour, bold ? "bold" : ""].filter((name) => name !== "").join(" ");
        return names === "" || part === "" ? escaped(part) : `<tspan class="${names}">${escaped(part)}</tspan>`;
      }
      for (const code of codes.split(";").map(Number)) {
        if (code === 0) [colour, bold] = ["", false];
        else if (code === 1 || code === 22) bold = code === 1;
        else if (code === 39) colour = "";
        else if (code in COLOURS) colour = COLOURS[code];
        else throw new Error(`not a colour: ${JSON.stringify(part)}`);
      }
      return "";
    })
    .join("");
}

/**
 * @param {string} title what a reader hears who does not see the picture
 * @param {readonly string[]} lines with escapes; nothing is wrapped
 */
export function terminalSvg(title, lines) {
  const widest = Math.max(...lines.map((line) => [...plain(line)].length));
  const width = Math.ceil(widest * CHARACTER_WIDTH) + 2 * MARGIN;
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = lines.flatMap((line, index) => {
    const length = [...plain(line)].length;
    if (plain(line).trim() === "") return [];
    // Each line gets its length, so that columns stand below one another in whatever font the reader has.
    const size = `textLength="${(length * CHARACTER_WIDTH).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`;
    return `<text xml:space="preserve" x="${MARGIN}" y="${MARGIN + 13 + index * LINE_HEIGHT}" ${size}>${spans(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace }
.bold { font-weight: 700 }
${styles(LIGHT)}
@media (prefers-color-scheme: dark) { ${styles(DARK)} }
</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${texts.join("\n")}
</svg>
`;
}
