/** Help, man page, completions and the tables: what one has, all have. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { COMMANDS, LOAD_FILE } from "../../src/cli/commands.js";
import { longNames, PROTOCOLS_WITH_OPTIONS, plainLetter } from "../../src/cli/docs/catalog.js";
import { documents } from "../../src/cli/docs/documents.js";
import { helpText } from "../../src/cli/docs/help.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../../src/cli/extensions.js";
import { OPTION_NAMES } from "../../src/cli/matrix.js";
import { OPTIONS } from "../../src/cli/options.js";
import { parseCommandLine } from "../../src/cli/parse.js";
import type { Help } from "../../src/command/command.js";
import { testContext } from "../cli/context.js";
import { codeBlocks } from "../support/markdown.js";
import { root } from "../support/paths.js";
import { lacks, must, spawnCommand } from "../support/process.js";
import { shellWords } from "../support/shell-words.js";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };
const made = documents(read("man/conntrack.8.in"), version);

/** Every long name that a command line may hold. */
const NAMES = [
  ...Object.values(COMMANDS).map(({ name }) => name),
  LOAD_FILE.name,
  ...OPTION_NAMES.flatMap(longNames),
  ...EXTENSION_NAMES,
  ...PROTOCOLS_WITH_OPTIONS.flatMap(({ options }) => options.flatMap(({ names }) => names)),
];

/** Every letter that one would type. */
const LETTERS = [...Object.values(COMMANDS), LOAD_FILE, ...OPTION_NAMES.map((name) => OPTIONS[name])].flatMap(
  ({ letter }) => plainLetter(letter) ?? [],
);

function unique(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

/** Names and letters of options as a text shows them. */
function shownNames(text: string): string[] {
  return unique(Array.from(text.matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g), ([, name]) => name!));
}

function help(): string {
  const context = testContext();
  const texts = PROTOCOLS_WITH_OPTIONS.map(({ protocol }) => {
    return helpText(parseCommandLine(["--help", "-p", protocol.name], context) as Help);
  });
  return texts.join("\n");
}

/** The man page's source as plain text. */
function manText(): string {
  return made["man/conntrack.8"]!.replace(/\\f[BIR]/g, "")
    .replace(/\\-/g, "-")
    .replace(/\\&/g, "");
}

/** fish names options without their dashes. */
function fishNames(): string[] {
  const lines = made["completions/conntrack.fish"]!.match(/^complete .*/gm)!.join("\n");
  return unique(Array.from(lines.matchAll(/ -l ([a-z0-9-]+)/g), ([, name]) => name!));
}

/** What bash's completion proposes for any command. */
function bashProposals(): string {
  return made["completions/conntrack"]!.match(/(?<=(echo|_conntrack_words) )"-[^"$]*"/g)!.join(" ");
}

describe("files made from the tables", () => {
  for (const path of Object.keys(made)) {
    it(`${path} is what npm run docs would write`, () => assert.equal(read(path), made[path]));
  }
});

describe("every name is known, and no other, to", () => {
  const wanted = unique(NAMES);
  const shown: Record<string, () => string[]> = {
    "the help": () => shownNames(help()),
    "the man page": () => shownNames(manText()),
    "bash's completion": () => shownNames(made["completions/conntrack"]!.replace(/.*--option=value.*/, "")),
    "zsh's completion": () => shownNames(made["completions/_conntrack"]!),
    "fish's completion": fishNames,
  };
  for (const [name, names] of Object.entries(shown)) it(name, () => assert.deepEqual(names(), wanted));

  it("the parser", () => {
    // It has to be the first word, and is no option.
    for (const name of wanted.filter((one) => one !== LOAD_FILE.name)) {
      const refused = () => {
        for (const protocol of ["tcp", "sctp", "dccp", "icmp", "icmpv6", "gre"]) {
          try {
            parseCommandLine(["-p", protocol, `--${name}`], testContext());
            return false;
          } catch (error) {
            if (!/unknown option/.test(String(error))) return false;
          }
        }
        return true;
      };
      assert.ok(!refused(), name);
    }
  });
});

describe("every letter is known, and no other, to", () => {
  const wanted = unique(LETTERS);
  const letters = (text: string, pattern: RegExp) =>
    unique(Array.from(text.matchAll(pattern), ([, letter]) => letter!));
  const shown: Record<string, () => string[]> = {
    "the help": () => letters(help(), /^ {2}-([A-Za-z]), --/gm),
    "the man page": () => letters(manText(), /^-([A-Za-z]), --/gm),
    "fish's completion": () => letters(made["completions/conntrack.fish"]!, / -s ([A-Za-z])/g),
    "zsh's completion": () => letters(made["completions/_conntrack"]!, /\{-([A-Za-z]),--/g),
    "bash's completion": () => letters(bashProposals(), /(?<=[ "])-([A-Za-z])(?=[ "])/g),
  };
  for (const [name, found] of Object.entries(shown)) it(name, () => assert.deepEqual(found(), wanted));
});

describe("every help text is in", () => {
  const texts = [
    ...Object.values(COMMANDS).map(({ help }) => help),
    ...OPTION_NAMES.map((name) => OPTIONS[name].help),
    ...EXTENSION_NAMES.map((name) => EXTENSIONS[name].help),
    ...PROTOCOLS_WITH_OPTIONS.flatMap(({ options }) => options.map(({ help }) => help)),
  ];
  const plain = (text: string) => text.replace(/\\(.)/g, "$1").replace(/'''/g, "'").replace(/\s+/g, " ").toLowerCase();
  const places: Record<string, () => string> = {
    "the help": help,
    "the man page": manText,
    "zsh's completion": () => made["completions/_conntrack"]!.replaceAll("'\\''", "'"),
    "fish's completion": () => made["completions/conntrack.fish"]!,
  };
  for (const [name, place] of Object.entries(places)) {
    it(name, () => {
      const all = plain(place());
      assert.deepEqual(
        texts.filter((text) => !all.includes(plain(text))),
        [],
      );
    });
  }
});

describe("the man page", { skip: lacks("man") }, () => {
  it("is rendered without warnings", () => {
    const env = { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80" };
    const { status, stdout, stderr } = spawnCommand("man", ["-l", "--warnings", join(root, "man/conntrack.8")], {
      env,
    });
    assert.equal(stderr, "");
    assert.equal(status, 0);
    for (const heading of [
      "NAME",
      "SYNOPSIS",
      "COMMANDS",
      "OPTIONS",
      "EXTENSIONS",
      "EXIT STATUS",
      "CAPABILITIES",
      "EXAMPLES",
    ]) {
      assert.match(stdout, new RegExp(`^${heading}$`, "m"));
    }
  });
});

/** Commands of a text: lines that begin with `conntrack`, up to a comment or a redirection. */
function commandLines(text: string): string[][] {
  const whole = text.replace(/\\\n\s*/g, "");
  return Array.from(whole.matchAll(/^conntrack (.*?)(?: +#.*| >.*)?$/gm), ([, line]) => shellWords(line!)!);
}

describe("commands of the examples are taken", () => {
  const examples = /^\.SH EXAMPLES$(.*?)^\.SH /ms.exec(made["man/conntrack.8"]!)![1]!;
  const manPage = examples.replaceAll("\\-", "-").replaceAll("\\(aq", "'").replaceAll("\\e", "\\");
  const readme = codeBlocks(read("README.md")).filter(({ language }) => language === "sh");
  const places: readonly (readonly [string, string, least: number])[] = [
    ["man page", manPage, 10],
    ["README.md", readme.map(({ text }) => text).join("\n"), 3],
  ];
  for (const [place, text, least] of places) {
    it(`in the ${place}`, () => {
      const found = commandLines(text);
      assert.ok(found.length >= least, `${found.length} commands`);
      for (const argv of found.filter(([first]) => first !== "-R")) {
        assert.doesNotThrow(() => parseCommandLine(argv, testContext()), argv.join(" "));
      }
    });
  }
});

const path = (name: string) => join(root, "completions", name);

describe("the completions are in order for", () => {
  const checkers: readonly (readonly string[])[] = [
    ["bash", "-n", path("conntrack")],
    ["zsh", "-n", path("_conntrack")],
    ["fish", "--no-config", "--no-execute", path("conntrack.fish")],
  ];
  for (const [shell, ...argv] of checkers) {
    it(shell!, { skip: lacks(shell!) }, () => {
      must(shell!, ...argv);
    });
  }
});

/** A label file, for completions to read. */
const LABELS = "# numbers and names\n3 foo\n 0x4 my label\nnothing\n";

/** Command lines, whose last word is to be completed, and what is proposed. */
const PROPOSED: readonly (readonly [line: string, ...proposals: string[]])[] = [
  ["conntrack -L ", "conntrack", "dying", "expect", "unconfirmed"],
  ["conntrack --dump un", "unconfirmed"],
  ["conntrack -F ", "conntrack", "expect"],
  ["conntrack -p u", "udp", "udplite"],
  ["conntrack -L -p tcp --state E", "ESTABLISHED"],
  ["conntrack -L -p sctp --state COOKIE_", "COOKIE_ECHOED", "COOKIE_WAIT"],
  ["conntrack -I -p dccp --role ", "client", "server"],
  ["conntrack -f ", "ipv4", "ipv6"],
  ["conntrack -E -e NEW,D", "NEW,DESTROY"],
  ["conntrack -E -e ", "ALL", "DESTROY", "NEW", "UPDATES"],
  ["conntrack -L -o extended,i", "extended,id"],
  ["conntrack -L -u ASSURED,SEEN", "ASSURED,SEEN_REPLY"],
  ["conntrack -M LABELS -L -l f", "foo"],
  ["conntrack -L -p tcp --spo", "--sport"],
  ["conntrack -L -p icmp --icmp-", "--icmp-code", "--icmp-id", "--icmp-type"],
  ["conntrack --labelm", "--labelmap"],
  ["conntrack -D --byt", "--bytes"],
];

describe("completions propose", () => {
  let directory: string;
  let labels: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "conntrack-completions-"));
    labels = join(directory, "labels");
    writeFileSync(labels, LABELS);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** The words of a line that ends in the one to be completed. */
  const words = (line: string) => line.replace("LABELS", labels).split(" ");

  function bash(line: string): string[] {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _conntrack; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return must("bash", "-c", script, "bash", path("conntrack"), ...words(line)).split("\n");
  }

  function fish(line: string): string[] {
    const script = `source $argv[1]; complete -C $argv[2]`;
    const argv = ["--no-config", "-c", script, path("conntrack.fish"), line.replace("LABELS", labels)];
    const { stdout, stderr } = spawnCommand("fish", argv, { env: { ...process.env, HOME: directory } });
    assert.equal(stderr, "");
    return stdout.split("\n").map((proposal) => proposal.replace(/\t.*/, ""));
  }

  const sorted = (proposals: readonly string[]) => unique(proposals.filter((proposal) => proposal !== ""));

  for (const [line, ...wanted] of PROPOSED) {
    it(`bash: ${line}`, { skip: lacks("bash") }, () => assert.deepEqual(sorted(bash(line)), unique(wanted)));
    it(`fish: ${line}`, { skip: lacks("fish") }, () => assert.deepEqual(sorted(fish(line)), unique(wanted)));
  }

  it("bash: options of the command alone", { skip: lacks("bash") }, () => {
    assert.deepEqual(sorted(bash("conntrack -F -")), ["--color", "--dry-run", "--family", "--netns", "-f"]);
    assert.deepEqual(sorted(bash("conntrack -V -")), ["--color"]);
    assert.ok(!bash("conntrack -U -p tcp --").includes("--event-mask"));
  });

  it("bash: words split at the sign of equality, and names with a blank", { skip: lacks("bash") }, () => {
    assert.deepEqual(sorted(bash("conntrack --protonum = gr")), ["gre"]);
    assert.deepEqual(sorted(bash("conntrack --labelmap LABELS -L -l foo,m")), ["foo,my\\ label"]);
  });
});
