/** What the command-line layer needs from outside, without an outside. */

import type { ParseContext } from "../../src/cli/parse.js";
import { ENOENT } from "../../src/system/errno.js";
import { shellCases } from "../support/cases.js";

/** The files of the recorded shell cases, and short ones in place of the system's. */
const FILES: Readonly<Record<string, string>> = {
  ...shellCases.files,
  "/etc/protocols": [
    "# Internet (IP) protocols",
    "ip\t0\tIP\t\t# internet protocol",
    "hopopt\t0\tHOPOPT",
    "igmp\t2\tIGMP",
    "esp\t50\tIPSEC-ESP",
    "ipv6-icmp\t58\tIPv6-ICMP",
  ].join("\n"),
  "/etc/services": [
    "http\t80/tcp\twww",
    "domain\t53/tcp",
    "domain\t53/udp",
    "shell\t514/tcp\tcmd",
    "syslog\t514/udp",
  ].join("\n"),
};

const ERRORS: Readonly<Record<number, string>> = { 0: "Success", [ENOENT]: "No such file or directory" };

export interface TestContext extends ParseContext {
  /** The lines that warn() got. */
  readonly warnings: string[];
  /** The paths that were read. */
  readonly reads: string[];
}

export function testContext(files: Readonly<Record<string, string>> = FILES, posixlyCorrect = false): TestContext {
  const warnings: string[] = [];
  const reads: string[] = [];
  return {
    warnings,
    reads,
    posixlyCorrect,
    warn: (line) => void warnings.push(line),
    strerror: (errno) => ERRORS[errno] ?? `errno ${errno}`,
    readFile: (path) => {
      reads.push(path);
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT", errno: -ENOENT });
      return new TextEncoder().encode(text);
    },
  };
}
