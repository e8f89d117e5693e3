/** The command line declared to commander, out of the same tables that getopt reads by. Loaded for help alone. */
import { Option, Command as Program } from "commander";
import { COMMANDS, LOAD_FILE } from "../commands.js";
import type { ProtocolOptions } from "../draft.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../extensions.js";
import { OPTION_NAMES } from "../matrix.js";
import { OPTIONS } from "../options.js";

/** Letters that nobody would type unquoted are left to those who know them. */
const PLAIN_LETTER = /^[A-Za-z]$/;

const EXTENSION_GROUP = "Extensions (their names count only in full):";

function flags(letter: string | undefined, name: string, argument: string): string {
  const short = letter !== undefined && PLAIN_LETTER.test(letter) ? `-${letter}, ` : "";
  return `${short}--${name}${argument}`;
}

function withSynonyms(help: string, synonyms: readonly string[] = []): string {
  return synonyms.length === 0 ? help : `${help} (also ${synonyms.map((name) => `--${name}`).join(", ")})`;
}

/** All commands and options, and those of a protocol. */
export function buildProgram(protocol?: ProtocolOptions): Program {
  const program = new Program("conntrack").helpOption(false).allowExcessArguments();
  for (const [command, { letter, name, argument, help }] of Object.entries(COMMANDS)) {
    const table = command === "version" || command === "help" ? "" : " [table]";
    // A command without a letter is one that the reference does not have; it works on one table alone.
    const group = letter === undefined ? EXTENSION_GROUP : "Commands:";
    program.addOption(new Option(flags(letter, name, argument === "none" ? "" : table), help).helpGroup(group));
  }
  const { letter, name, argumentName, help } = LOAD_FILE;
  program.addOption(new Option(flags(letter, name, ` <${argumentName}>`), help).helpGroup("Commands:"));
  for (const option of OPTION_NAMES) {
    const row = OPTIONS[option];
    const argument =
      row.argument === "none" ? "" : row.argument === "optional" ? ` [${row.argumentName}]` : ` <${row.argumentName}>`;
    program.addOption(new Option(flags(row.letter, option, argument), withSynonyms(row.help, row.synonyms)));
  }
  for (const name of EXTENSION_NAMES) {
    const row = EXTENSIONS[name];
    const argument =
      row.argument === "none" ? "" : row.argument === "attached" ? ` [=${row.argumentName}]` : ` <${row.argumentName}>`;
    program.addOption(new Option(flags(undefined, name, argument), row.help).helpGroup(EXTENSION_GROUP));
  }
  for (const { names, argumentName, help } of protocol?.options ?? []) {
    const [name, ...synonyms] = names;
    program.addOption(
      new Option(flags(undefined, name, ` <${argumentName}>`), withSynonyms(help, synonyms)).helpGroup(
        `Options of ${protocol!.protocol.name}:`,
      ),
    );
  }
  return program;
}
