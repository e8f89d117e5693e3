/** The command line as data, for what is made from it: the manual page and the completions of shells. */
import type { TableName } from "../../command/command.js";
import { PROTOCOLS } from "../../protocol/protocols.js";
import type { ExtensionName } from "../arguments.js";
import { COMMANDS, type CommandOption, TABLES } from "../commands.js";
import type { ProtocolOptions } from "../draft.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../extensions.js";
import { commandRules, OPTION_NAMES, type OptionName } from "../matrix.js";
import { OPTIONS } from "../options.js";
import { protocolOptions } from "../protocol-options.js";

/** The protocols that have options of their own, with these. */
export const PROTOCOLS_WITH_OPTIONS: readonly ProtocolOptions[] = PROTOCOLS.flatMap(
  ({ number }) => protocolOptions(number) ?? [],
);

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandOption[];

/** The tables that a command works on; none for those that have nothing to do with tables. */
export function tablesOf(command: CommandOption): readonly TableName[] {
  if (command === "help" || command === "version") return [];
  return TABLES.filter((table) => commandRules(command, table) !== undefined);
}

/** The tables that can be named behind a command. */
export function tableWordsOf(command: CommandOption): readonly TableName[] {
  return COMMANDS[command].argument === "none" ? [] : tablesOf(command);
}

export interface Taken {
  /** Options that the command needs. */
  readonly required: readonly OptionName[];
  /** Whether it needs the addresses of one direction. */
  readonly addresses: boolean;
  /** Options that it takes besides. */
  readonly optional: readonly OptionName[];
}

/** Which options a command takes on a table, without those that are ignored. */
export function optionsOf(command: CommandOption, table: TableName): Taken {
  const { required, allowed, pairs } = commandRules(command, table)!;
  const pick = (bits: number) =>
    OPTION_NAMES.filter((name, index) => (bits & (1 << index)) !== 0 && name !== "nat-range");
  return { required: pick(required), addresses: pairs !== undefined, optional: pick(allowed & ~required) };
}

/** The extensions that a command takes on any of its tables. */
export function extensionsOf(command: CommandOption): readonly ExtensionName[] {
  return EXTENSION_NAMES.filter((name) => {
    const { on } = EXTENSIONS[name];
    return on === "everywhere" || on.some((place) => place.split(" ")[0] === command);
  });
}

/** All long names of an option, the one that messages show first. */
export function longNames(option: OptionName): readonly string[] {
  return [option, ...(OPTIONS[option].synonyms ?? [])];
}

/** The letter of an option where somebody would type it: the rest need quotes. */
export function plainLetter(letter: string | undefined): string | undefined {
  return letter !== undefined && /^[A-Za-z]$/.test(letter) ? letter : undefined;
}
