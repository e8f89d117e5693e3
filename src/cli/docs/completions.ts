/** Completions for bash, zsh and fish, made from the tables. Used by scripts/docs.mjs, not by the command. */
import { LABEL_MAP_PATH } from "../../system/labelmap.js";
import { COMMANDS, type CommandOption, LOAD_FILE } from "../commands.js";
import type { ProtocolOption } from "../draft.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../extensions.js";
import { OPTION_NAMES, type OptionName } from "../matrix.js";
import { OPTIONS } from "../options.js";
import { NOTHING, type Proposal } from "../proposal.js";
import {
  COMMAND_NAMES,
  extensionsOf,
  longNames,
  optionsOf,
  PROTOCOLS_WITH_OPTIONS,
  plainLetter,
  tablesOf,
  tableWordsOf,
} from "./catalog.js";

const NOTE = "# Made from the tables in src/cli by `npm run docs`: edit those, or src/cli/docs/completions.ts.";

/** The words by which a command or option is typed. */
function typed(letter: string | undefined, names: readonly string[]): string[] {
  const plain = plainLetter(letter);
  return [...(plain === undefined ? [] : [`-${plain}`]), ...names.map((name) => `--${name}`)];
}

const commandWords = (command: CommandOption) => typed(COMMANDS[command].letter, [COMMANDS[command].name]);
const optionWords = (option: OptionName) => typed(OPTIONS[option].letter, longNames(option));
const protocolWords = ({ names }: ProtocolOption) => names.map((name) => `--${name}`);
const LOAD_FILE_WORDS = typed(LOAD_FILE.letter, [LOAD_FILE.name]);

/** Options that a command takes on any of its tables. */
function anyOptionOf(command: CommandOption): OptionName[] {
  const taken = new Set<OptionName>();
  const tables = tablesOf(command);
  for (const table of tables.length > 0 ? tables : (["conntrack"] as const)) {
    const { required, addresses, optional } = optionsOf(command, table);
    for (const name of [...required, ...optional]) taken.add(name);
    if (addresses) for (const name of ["src", "dst", "reply-src", "reply-dst"] as const) taken.add(name);
  }
  return OPTION_NAMES.filter((name) => taken.has(name));
}

/** Options of protocols that go by a name, with what can be proposed for each protocol. */
interface NamedProposals {
  name: string;
  byProtocol: (readonly [protocol: string, proposal: Proposal])[];
}

/** --state and --role: their words depend on the protocol. */
function protocolValues(): NamedProposals[] {
  const found = new Map<string, NamedProposals>();
  for (const { protocol, options } of PROTOCOLS_WITH_OPTIONS) {
    for (const option of options) {
      const proposal = option.proposal?.(protocol) ?? NOTHING;
      if (proposal.kind === "nothing") continue;
      const [name] = option.names;
      const entry = found.get(name) ?? { name, byProtocol: [] };
      entry.byProtocol.push([protocol.name, proposal]);
      found.set(name, entry);
    }
  }
  return [...found.values()];
}

function proposalWords(proposal: Proposal): readonly string[] {
  return proposal.kind === "words" || proposal.kind === "list" ? proposal.words : [];
}

const indent = (depth: number, lines: readonly string[]) => lines.map((line) => `${"  ".repeat(depth)}${line}`);

// ---- bash

function bashValueCases(): string[] {
  const options = OPTION_NAMES.filter((option) => OPTIONS[option].argument !== "none").map((option) => {
    return { words: optionWords(option), proposal: OPTIONS[option].proposal ?? NOTHING };
  });
  const extensions = EXTENSION_NAMES.flatMap((name) => {
    const row = EXTENSIONS[name];
    return row.argument === "none" ? [] : { words: [`--${name}`], proposal: row.proposal };
  });
  const rows = [...options, ...extensions].map(({ words, proposal }) => {
    const action = {
      words: `_conntrack_words "${proposalWords(proposal).join(" ")}"`,
      list: `_conntrack_list "${proposalWords(proposal).join(" ")}"`,
      labels: '_conntrack_list_of_lines "$(_conntrack_labels)"',
      file: "_conntrack_files",
      nothing: ":",
    }[proposal.kind];
    return { words, action };
  });
  // An optional value may be left out: then the next word is an option all the same.
  const cases = rows.map(({ words, action }) => `${words.join("|")}) ${action} ;;`);
  const files = `${LOAD_FILE_WORDS.join("|")}) _conntrack_files ;;`;
  const byProtocol = protocolValues().flatMap(({ name, byProtocol }) => [
    `--${name})`,
    '  case "$protocol" in',
    ...byProtocol.map(([protocol, proposal]) => {
      return `    ${protocol}) _conntrack_words "${proposalWords(proposal).join(" ")}" ;;`;
    }),
    "  esac",
    "  ;;",
  ]);
  const silent = PROTOCOLS_WITH_OPTIONS.flatMap(({ protocol, options }) =>
    options.filter((option) => (option.proposal?.(protocol) ?? NOTHING).kind === "nothing").flatMap(protocolWords),
  );
  return [...cases, files, ...byProtocol, `${[...new Set(silent)].join("|")}) : ;;`];
}

/** The script for bash: `_conntrack` and what it needs. */
export function bashCompletion(): string {
  const commandCases = COMMAND_NAMES.map((command) => `${commandWords(command).join("|")}) command=${command} ;;`);
  const tableCases = COMMAND_NAMES.map((command) => `${command}) echo "${tableWordsOf(command).join(" ")}" ;;`);
  const optionCases = COMMAND_NAMES.map((command) => {
    const extensions = extensionsOf(command).map((name) => `--${name}`);
    return `${command}) echo "${[...anyOptionOf(command).flatMap(optionWords), ...extensions].join(" ")}" ;;`;
  });
  const protocolCases = PROTOCOLS_WITH_OPTIONS.map(({ protocol, options }) => {
    return `${protocol.name}) echo "${options.flatMap(protocolWords).join(" ")}" ;;`;
  });
  const all = [
    ...COMMAND_NAMES.flatMap(commandWords),
    ...LOAD_FILE_WORDS,
    ...OPTION_NAMES.flatMap(optionWords),
    ...EXTENSION_NAMES.map((name) => `--${name}`),
  ];
  return `# bash completion for conntrack
${NOTE}

# The tables that a command works on.
_conntrack_tables() {
  case "$1" in
${indent(2, tableCases).join("\n")}
  esac
}

# The options that a command takes.
_conntrack_options() {
  case "$1" in
${indent(2, optionCases).join("\n")}
  esac
}

# The options of a protocol.
_conntrack_protocol_options() {
  case "$1" in
${indent(2, protocolCases).join("\n")}
  esac
}

# The names in the label file, one a line.
_conntrack_labels() {
  sed -nE 's/^[[:space:]]*[0-9][0-9a-fA-FxX]*[[:space:]]+([A-Za-z0-9 -]*[A-Za-z0-9-])[[:space:]]*$/\\1/p' "$labelmap" 2>/dev/null
}

_conntrack_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_conntrack_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=()
  local file
  while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$current")
}

_conntrack_list() {
  _conntrack_list_of_lines "\${1// /$'\\n'}"
}

# One more of these lines, behind the last comma; those that are in front of it are not proposed again.
_conntrack_list_of_lines() {
  local before="" last="$current" word
  if [[ $current == *,* ]]; then
    before="\${current%,*},"
    last="\${current##*,}"
  fi
  compopt -o nospace 2>/dev/null
  COMPREPLY=()
  while IFS= read -r word; do
    [[ -z $word || ",$before" == *",$word,"* ]] && continue
    # In any case, as the command takes them.
    [[ \${word,,} == "\${last,,}"* ]] && COMPREPLY+=("$before\${word// /\\\\ }")
  done <<<"$1"
}

_conntrack() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" command="" protocol="" labelmap="${LABEL_MAP_PATH}"
  local index word value
  [[ $COMP_CWORD -gt 0 ]] && previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  # bash splits --option=value at the sign.
  if [[ $current == "=" ]]; then
    current=""
  elif [[ $previous == "=" && $COMP_CWORD -gt 1 ]]; then
    previous="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi

  for ((index = 1; index < \${#COMP_WORDS[@]}; index++)); do
    [[ $index -eq $COMP_CWORD ]] && continue
    word="\${COMP_WORDS[index]}"
    value="\${COMP_WORDS[index + 1]}"
    [[ $value == "=" ]] && value="\${COMP_WORDS[index + 2]}"
    case "$word" in
${indent(3, commandCases).join("\n")}
      ${optionWords("protonum").join("|")}) protocol="\${value,,}" ;;
      -p?*) protocol="\${word#-p}" ;;
      ${optionWords("labelmap").join("|")}) labelmap="$value" ;;
    esac
  done

  COMPREPLY=()
  if [[ $current != -* ]]; then
    case "$previous" in
${indent(3, bashValueCases()).join("\n")}
${indent(
  3,
  COMMAND_NAMES.map((name) => `${commandWords(name).join("|")}) _conntrack_words "$(_conntrack_tables ${name})" ;;`),
).join("\n")}
    esac
    return
  fi

  if [[ -z $command ]]; then
    _conntrack_words "${all.join(" ")}"
  else
    value="$(_conntrack_options "$command")"
    [[ $value == *--protonum* && $command != help ]] && value+=" $(_conntrack_protocol_options "$protocol")"
    _conntrack_words "$value"
  fi
}

complete -F _conntrack conntrack
`;
}

// ---- zsh

/** Text within the brackets of _arguments. */
function zshText(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&").replace(/'/g, "'\\''");
}

function zshAction(proposal: Proposal): string {
  switch (proposal.kind) {
    case "words":
      return `(${proposal.words.join(" ")})`;
    case "list":
      return `_values -s , word ${proposal.words.join(" ")}`;
    case "labels":
      return "_conntrack_labels";
    case "file":
      return "_files";
    default:
      return "";
  }
}

function zshSpec(
  words: readonly string[],
  help: string,
  argument: "none" | "required" | "optional" | "attached",
  name: string,
  action: string,
): string {
  // "=-": the value is attached, or there is none.
  const sign = argument === "attached" ? "=-" : "=";
  const forms = words.map((word) => (argument !== "none" && word.startsWith("--") ? `${word}${sign}` : word));
  const exclusive = words.length > 1 ? `'(${words.join(" ")})'` : "";
  const flags = forms.length > 1 ? `{${forms.join(",")}}` : forms[0]!;
  const value = argument === "none" ? "" : `${argument === "required" ? ":" : "::"}${zshText(name)}:${action}`;
  return `${exclusive}${flags}'[${zshText(help)}]${value}'`;
}

/** The script for zsh, to be found as _conntrack. */
export function zshCompletion(): string {
  const commands = COMMAND_NAMES.map((command) => {
    const tables = tableWordsOf(command);
    const { help } = COMMANDS[command];
    const argument = tables.length > 0 ? "optional" : "none";
    return zshSpec(commandWords(command), help, argument, "table", `(${tables.join(" ")})`).replaceAll("=", "");
  });
  const load = zshSpec(LOAD_FILE_WORDS, LOAD_FILE.help, "required", LOAD_FILE.argumentName, "_files");
  const options = OPTION_NAMES.map((option) => {
    const row = OPTIONS[option];
    const name = row.argument === "none" ? "" : row.argumentName;
    return zshSpec(optionWords(option), row.help, row.argument, name, zshAction(OPTIONS[option].proposal ?? NOTHING));
  });
  const extensions = EXTENSION_NAMES.map((name) => {
    const row = EXTENSIONS[name];
    if (row.argument === "none") return zshSpec([`--${name}`], row.help, "none", "", "");
    return zshSpec([`--${name}`], row.help, row.argument, row.argumentName, zshAction(row.proposal));
  });
  const protocols = PROTOCOLS_WITH_OPTIONS.flatMap(({ protocol, options: rows }) => [
    `${protocol.name})`,
    "  specs+=(",
    ...rows.map((option) => {
      const action = zshAction(option.proposal?.(protocol) ?? NOTHING);
      return `    ${zshSpec(protocolWords(option), option.help, "required", option.argumentName, action)}`;
    }),
    "  )",
    "  ;;",
  ]);
  return `#compdef conntrack
${NOTE}

_conntrack_labels() {
  local labelmap=\${opt_args[-M]:-\${opt_args[--labelmap]:-${LABEL_MAP_PATH}}}
  local -a labels
  labels=(\${(f)"$(sed -nE 's/^[[:space:]]*[0-9][0-9a-fA-FxX]*[[:space:]]+([A-Za-z0-9 -]*[A-Za-z0-9-])[[:space:]]*$/\\1/p' $labelmap 2>/dev/null)"})
  (( $#labels )) && _values -s , label $labels
}

_conntrack() {
  local -a specs
  local protocol index=\${words[(I)(${optionWords("protonum").join("|")})]}
  (( index )) && protocol=\${(L)words[index + 1]}
  specs=(
${indent(2, [...commands, load, ...options, ...extensions]).join("\n")}
  )
  case $protocol in
${indent(2, protocols).join("\n")}
  esac
  _arguments -s $specs
}

_conntrack "$@"
`;
}

// ---- fish

/** Text within single quotes of fish. */
function fishText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function fishFlags(words: readonly string[]): string {
  return words.map((word) => (word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`)).join(" ");
}

function fishArguments(proposal: Proposal): string {
  switch (proposal.kind) {
    case "words":
      return ` -x -a '${proposal.words.join(" ")}'`;
    case "list":
      return ` -x -a '(__conntrack_list ${proposal.words.join(" ")})'`;
    case "labels":
      return " -x -a '(__conntrack_list (__conntrack_labels))'";
    case "file":
      return " -r -F";
    default:
      return " -x";
  }
}

/** The script for fish. */
export function fishCompletion(): string {
  const commands = COMMAND_NAMES.flatMap((command) => {
    const words = commandWords(command);
    const line = `complete -c conntrack ${fishFlags(words)} -d ${fishText(COMMANDS[command].help)}`;
    const tables = tableWordsOf(command);
    if (tables.length === 0) return [line];
    return [line, `complete -c conntrack -n '__conntrack_after ${words.join(" ")}' -a '${tables.join(" ")}' -d table`];
  });
  const load = `complete -c conntrack ${fishFlags(LOAD_FILE_WORDS)} -r -F -d ${fishText(LOAD_FILE.help)}`;
  const options = OPTION_NAMES.map((option) => {
    const { argument, help } = OPTIONS[option];
    // fish knows no optional values that may stand apart: such an option is one without.
    const value = argument === "required" ? fishArguments(OPTIONS[option].proposal ?? NOTHING) : "";
    return `complete -c conntrack ${fishFlags(optionWords(option))}${value} -d ${fishText(help)}`;
  });
  const extensions = EXTENSION_NAMES.map((name) => {
    const row = EXTENSIONS[name];
    const value = row.argument === "required" ? fishArguments(row.proposal) : "";
    return `complete -c conntrack -l ${name}${value} -d ${fishText(row.help)}`;
  });
  const protocols = PROTOCOLS_WITH_OPTIONS.flatMap(({ protocol, options: rows }) =>
    rows.map((option) => {
      const value = fishArguments(option.proposal?.(protocol) ?? NOTHING);
      const when = `-n '__conntrack_protocol ${protocol.name}'`;
      return `complete -c conntrack ${when} ${fishFlags(protocolWords(option))}${value} -d ${fishText(option.help)}`;
    }),
  );
  return `# fish completion for conntrack
${NOTE}

# Whether the word before is one of these.
function __conntrack_after
    contains -- (commandline -opc)[-1] $argv
end

# Whether -p names this protocol.
function __conntrack_protocol
    set -l words (commandline -opc)
    for i in (seq 1 (math (count $words) - 1))
        if contains -- $words[$i] ${optionWords("protonum").join(" ")}; and test (string lower -- $words[(math $i + 1)]) = $argv[1]
            return 0
        end
    end
    string match -qi -- "*-p$argv[1]*" "$words "; or string match -qi -- "*--protonum=$argv[1]*" "$words "
end

# One more of these, behind the last comma.
function __conntrack_list
    set -l before (string match -r '^.*,' -- (commandline -ct | string replace -r '^--[a-z-]+=' ''))
    for word in $argv
        if not contains -- $word (string split , -- "$before")
            echo "$before$word"
        end
    end
end

# The names in the label file.
function __conntrack_labels
    set -l words (commandline -opc)
    set -l file ${LABEL_MAP_PATH}
    for i in (seq 1 (math (count $words) - 1))
        contains -- $words[$i] ${optionWords("labelmap").join(" ")}; and set file $words[(math $i + 1)]
    end
    test -r $file; and string match -rg '^\\s*[0-9][0-9a-fA-FxX]*\\s+([A-Za-z0-9 -]*[A-Za-z0-9-])\\s*$' <$file
end

complete -c conntrack -f
${[...commands, load, ...options, ...extensions, ...protocols].join("\n")}
`;
}
