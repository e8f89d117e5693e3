/** How a diagnosis looks in colour, on standard output and in the view. */
import { WORD_COLORS, type WordColor } from "../format/word-colors.js";

export interface Piece {
  readonly text: string;
  readonly style: "plain" | "bold" | WordColor;
}

const piece = (text: string, style: Piece["style"] = "plain"): Piece => ({ text, style });

/**
 * Lines of a report: a label and a verdict at the right end; another label; the number and title of a finding; a command.
 * No line of another format begins like these.
 */
const REPORT_LINE =
  /^(?:([A-Z][a-z]+)( {2,}.*?)(?:( )(ok|NEARLY FULL|FULL|LONG))?|( {2}(?:from|to|ports) {2,}.*)|( {2}\d+\. [^:]+:)(.*)|( {7}(?:conntrack|sysctl|nsenter) .*)|(What helps, in this order|Nothing to mend\.))$/;

/** The pieces of a line of a report; undefined where only its words may have a colour, or it is none of a report. */
export function reportPieces(line: string): Piece[] | undefined {
  const found = REPORT_LINE.exec(line);
  if (found === null) return undefined;
  const [, label, text = "", blank = "", verdict, talker, title, rest = "", command, heading] = found;
  if (label !== undefined) {
    const end = verdict === undefined ? [] : [piece(verdict, verdict === "ok" ? "green" : "red")];
    return [piece(label, "bold"), ...wordPieces(text), piece(blank), ...end];
  }
  if (talker !== undefined) return [piece(talker)];
  if (title !== undefined) return [piece(title, "bold"), piece(rest)];
  return [command === undefined ? piece(heading!, "bold") : piece(command, "cyan")];
}

/** The pieces of any line of a report. */
export const linePieces = (line: string): Piece[] => reportPieces(line) ?? wordPieces(line);

/** The pieces of a text in which some words have a colour. */
function wordPieces(text: string): Piece[] {
  return text.split(/\b([A-Z][A-Z_0-9]+)\b/).map((part) => piece(part, WORD_COLORS.get(part) ?? "plain"));
}
