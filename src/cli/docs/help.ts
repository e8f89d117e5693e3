/** The text of --help. main imports this module when help is asked for: commander takes 8 ms to load. */
import type { Help } from "../../command/command.js";
import { PROTOCOLS } from "../../protocol/protocols.js";
import { protocolOptions } from "../protocol-options.js";
import { buildProgram } from "./program.js";

const WIDTH = 100;

const AFTER = `
Tables: conntrack (unless another is named), expect, dying, unconfirmed.

Protocols with options of their own: ${PROTOCOLS.map(({ name }) => name).join(", ")}.
conntrack --help -p tcp shows those of tcp.

Exit status: 0 done, 1 failed or nothing found, 2 the command line cannot be accepted.
`;

/** All commands and options; with -p those of the protocol too. */
export function helpText({ protonum }: Help): string {
  const protocol = protonum === undefined ? undefined : protocolOptions(protonum);
  const text = buildProgram(protocol)
    .usage("[command] [table] [options]")
    .description("Look at and change the kernel's table of tracked connections.")
    .configureHelp({ helpWidth: WIDTH })
    .helpInformation();
  return text + AFTER;
}
