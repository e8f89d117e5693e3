/** What is compared of an output: the same text with everything masked that no two runs share. */

export const VERSION = "conntrack v1.4.9 (conntrack-tools)";
/** What every diagnostic and summary starts with. */
export const PREFIX = `${VERSION}: `;
/** The second line of a usage error. */
export const TRY = "Try `conntrack -h' or 'conntrack --help' for more information.\n";

/** stderr of a usage error. */
export function usage(message: string): string {
  return `${PREFIX}${message}\n${TRY}`;
}

/** Another release of conntrack-tools names itself; the rest of its words are 1.4.9's. */
export function asVersion149(text: string): string {
  return text.replace(/conntrack v\d+\.\d+\.\d+ \(conntrack-tools\)/g, VERSION);
}

const MASKS: readonly (readonly [RegExp, string])[] = [
  // The timeout, behind [NEW], layer 3 and layer 4; T in the recorded cases.
  [/^((?:\[TS\]\t)? *(?:\[[A-Z]+\] )?(?:ipv[46] +\d+ )?[a-z0-9]+ +\d+) \d+ /, "$1 T "],
  [/^(-[AUD] -t) \d+/, "$1 T"],
  [/\buse=\d+/g, "use=U"],
  // An id of an ICMP tuple has fewer digits in the cases.
  [/\bid=\d{5,}/g, "id=I"],
  [/\bportid=\d+(?: progname=[^ ]+)?/g, "portid=P"],
  [/<(timeout|use|id)>\d+</g, "<$1>N<"],
  [/<when>.*<\/when>/, "<when>W</when>"],
  [/<timestamp>.*<\/timestamp>/, "<timestamp>W</timestamp>"],
  [/<deltatime>\d+</, "<deltatime>N<"],
  [/\bdelta-time=\d+/, "delta-time=N"],
  [/\[(start|stop)=[^\]]*\]/g, "[$1=W]"],
];

function maskLine(line: string): string {
  let masked = line.replace(/^\[\d+ *\.\d+ *\]\t/, "[TS]\t");
  for (const [pattern, replacement] of MASKS) masked = masked.replace(pattern, replacement);
  return masked;
}

/** Masks timeouts, use, ids, port ids and their programs, times and versions in every line. */
export function mask(text: string): string {
  return asVersion149(text).split("\n").map(maskLine).join("\n");
}

/** As `mask`, and every line of `-S` becomes "cpu=N<TAB>C"; there are as many as processors, so only one of them stays. */
export function maskStats(text: string): string {
  return collapse(mask(text).replace(/^cpu=\d+ {0,3}\t.*$/gm, "cpu=N\tC"));
}

/** As `maskStats`, but the names of the figures stay. */
export function maskStatsFigures(text: string): string {
  return collapse(
    mask(text).replace(/^cpu=\d+ {0,3}\t.*$/gm, (line) => line.replace(/=\d+/g, "=N").replace(/^cpu=N */, "cpu=N")),
  );
}

function collapse(text: string): string {
  const lines = text.split("\n");
  return lines.filter((line, index) => !line.startsWith("cpu=N") || line !== lines[index - 1]).join("\n");
}

/** Entries in an order that does not depend on the hash table; the head and the end of an XML document stay. */
export function sortEntries(text: string): string {
  const lines = text.split("\n");
  const entries = lines.filter(isEntry).sort();
  return lines.map((line) => (isEntry(line) ? entries.shift()! : line)).join("\n");
}

function isEntry(line: string): boolean {
  return line !== "" && !/^<(\?xml|\/?(conntrack|expect)>)/.test(line);
}

export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
