/** The examples of docs/api.md: its indented blocks. */
import { readDocument } from "./markdown.js";

export interface ApiExample {
  /** The heading that it is under. */
  heading: string;
  /** It is unique: several can be under one heading. */
  name: string;
  code: string;
}

/** What the examples take for granted, as TypeScript declares it. */
export const GIVEN = `
declare const conntrack: Conntrack;
declare const flows: NewFlow[];
declare const lines: string[];
declare const line: string;
declare const file: { write(text: string): void };
declare const log: (text: string) => void;
declare const signal: AbortSignal;
declare class Mirror {
  readonly flows: Map<string, Flow>;
  constructor(conntrack: Conntrack);
  run(options: { signal: AbortSignal; onList?: () => void }): Promise<void>;
}
`;

export function apiExamples(): ApiExample[] {
  const found: ApiExample[] = [];
  let heading = "";
  let fenced = false;
  let open: ApiExample | undefined;
  for (const [i, line] of readDocument("docs/api.md").split("\n").entries()) {
    if (line.startsWith("```")) fenced = !fenced;
    const title = fenced ? undefined : /^#+ (.*)/.exec(line)?.[1];
    if (title !== undefined) heading = title;
    if (!fenced && line.startsWith("    ")) {
      if (open === undefined) {
        open = { heading, name: `${heading}, line ${i + 1}`, code: "" };
        found.push(open);
      }
      open.code += `${line.slice(4)}\n`;
    } else open = undefined;
  }
  // How to import it is no example of its own.
  return found.filter(({ code }) => !code.startsWith("import "));
}
