/**
 * Where ours must not do what the recorded reference did: what it does instead, and why. Rows of docs/compatibility.md.
 * A recorded case that is marked as a deviation and has no entry here fails.
 */
import assert from "node:assert/strict";
import type { CliCase, ShellCase } from "../support/cases.js";
import { lines, PREFIX, TRY, usage } from "../support/text.js";

export interface Deviation {
  status: number;
  /** "(our words)": not empty. "(any)": not compared. */
  stdout: string;
  stderr: string | RegExp;
  /** The table afterwards, in the case's own format. */
  table?: readonly string[];
}

interface Reasoned extends Deviation {
  why: string;
}

const ALL_OF_THEM = "status filters work alike on every command: wanted bits all set, negated bits all clear";
const ATTACHED = "attached optional values are honoured";
const CHECKED = "numbers are checked, not read by atoi";
const SECMARK = "a secmark filter matches only entries that carry one";
const COUNTS = "a count takes the filters of a list";
const IDS = "a list takes an id";
const LINES = "each line of a file stands for itself, and a blank line is blank";
const FOUND = "an update addresses the entry that it found, in whichever zone it is";

function shown(count: number): string {
  return `${PREFIX}${count} flow entries have been shown.\n`;
}

const NONE_SHOWN: Deviation = { status: 0, stdout: "", stderr: shown(0) };

function refusedWith(message: string): Deviation {
  return { status: 2, stdout: "", stderr: usage(message) };
}

/** Refused in words that the specification leaves open, but which name the value. */
function refusedValue(value: string): Deviation {
  return {
    status: 2,
    stdout: "",
    stderr: new RegExp(`^${escapeRegExp(PREFIX)}Invalid [a-z A-Z]+ \`${escapeRegExp(value)}'\n${escapeRegExp(TRY)}$`),
  };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

const GRE = "src=1.1.1.1 dst=2.2.2.2 srckey=0x1 dstkey=0x2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 srckey=0x2 dstkey=0x1";

/** The entries of shell.json's fixture, up to the mark. */
const FIXTURE = {
  established:
    "tcp      6 T ESTABLISHED src=1.1.1.1 dst=2.2.2.2 sport=10 dport=20 src=2.2.2.2 dst=1.1.1.1 sport=20 dport=10 [ASSURED]",
  dns: "udp      17 T src=1.1.1.1 dst=2.2.2.2 sport=53 dport=5353 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=5353 dport=53",
  v6: "tcp      6 T SYN_SENT src=fd::1 dst=fd::2 sport=1 dport=2 [UNREPLIED] src=fd::2 dst=fd::1 sport=2 dport=1",
  icmp: "icmp     1 T src=1.1.1.1 dst=2.2.2.2 type=8 code=0 id=99 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 type=0 code=0 id=99",
  dnat: "tcp      6 T SYN_RECV src=1.1.1.1 dst=2.2.2.3 sport=10 dport=8080 src=3.3.3.3 dst=1.1.1.1 sport=80 dport=10",
  snat: "udp      17 T src=1.1.1.1 dst=2.2.2.2 sport=1000 dport=53 [UNREPLIED] src=2.2.2.2 dst=9.9.9.9 sport=53 dport=1234",
  zone7: "udp      17 T src=1.1.1.1 dst=2.2.2.2 sport=1 dport=53 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=53 dport=1",
  gre: `gre      47 T ${GRE}`,
  sctp: "sctp     132 T ESTABLISHED src=1.1.1.1 dst=2.2.2.2 sport=1 dport=2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1 sport=2 dport=1",
  other: "unknown  99 T src=1.1.1.1 dst=2.2.2.2 [UNREPLIED] src=2.2.2.2 dst=1.1.1.1",
} as const;

type Name = keyof typeof FIXTURE;
const NAMES = Object.keys(FIXTURE) as Name[];

/** A fixture entry as -L shows it. */
function entry(name: Name, mark = name === "dns" ? 5 : 0): string {
  return `${FIXTURE[name]} mark=${mark}${name === "zone7" ? " zone=7" : ""} use=U`;
}

function text(entries: readonly string[]): string {
  return entries.map((line) => `${line}\n`).join("");
}

/** The fixture's table as `-L -o extended` shows it, with some marks changed and some entries gone. */
function table(marks: Partial<Record<Name, number>> = {}, gone: readonly Name[] = []): string[] {
  return NAMES.filter((name) => !gone.includes(name)).map((name) => {
    return `${name === "v6" ? "ipv6     10" : "ipv4     2"} ${entry(name, marks[name])}`;
  });
}

/** -U of the named entries to one mark. */
function updated(names: readonly Name[], mark: number): Deviation {
  return {
    status: 0,
    stdout: text(names.map((name) => entry(name, mark))),
    stderr: `${PREFIX}${names.length} flow entries have been updated.\n`,
    table: table(Object.fromEntries(names.map((name) => [name, mark]))),
  };
}

function deleted(names: readonly Name[]): Deviation {
  return {
    status: 0,
    stdout: text(names.map((name) => entry(name))),
    stderr: `${PREFIX}${names.length} flow entries have been deleted.\n`,
    table: table({}, names),
  };
}

const UNREPLIED = NAMES.filter((name) => name !== "established" && name !== "dnat");
const OF_NET = NAMES.filter((name) => name !== "v6");

const cli: Record<string, Reasoned> = {
  "-L -o json": { ...NONE_SHOWN, why: "-o json is an extension" },
  "-L -s 1.1.1.1/": { ...refusedWith("Invalid netmask"), why: "an empty prefix length is not /0" },
  "-L --sport 80 -p tcp": { ...NONE_SHOWN, why: "protocol options may stand before -p" },
  "-L -p sctp --state HEARTBEAT_SENT": { ...NONE_SHOWN, why: "the reference crashes" },
  "-L -n1.1.1.1": { ...NONE_SHOWN, why: ATTACHED },
  "-L -p gre --srckey 99": { ...NONE_SHOWN, why: "GRE keys are compared" },
  "-L -u ASSURED,!SEEN_REPLY": { ...NONE_SHOWN, why: ALL_OF_THEM },
  "-L -i 1": { ...NONE_SHOWN, why: IDS },
  "-L --id 5": { ...NONE_SHOWN, why: IDS },
  "-C -p tcp": { status: 0, stdout: "0\n", stderr: "", why: COUNTS },
  "-G -r 192.0.2.1 -q 10.0.0.1 -p tcp --reply-port-src 443 --reply-port-dst 40001": {
    status: 0,
    stdout:
      "tcp      6 T ESTABLISHED src=10.0.0.1 dst=192.0.2.1 sport=40001 dport=443 src=192.0.2.1 dst=10.0.0.1 sport=443 dport=40001 [ASSURED] mark=1 use=U\n",
    stderr: shown(1),
    why: "an entry is found by its reply tuple too",
  },
};

const PORTS = Object.fromEntries(
  ["65536", "65546", "-1", "abc", "0x10", "10abc", "' 10'", "''", "1:2"].map((word) => [
    `conntrack -L -p tcp --sport ${word}`,
    { ...refusedWith(`Invalid port \`${word.replaceAll("'", "")}'`), why: CHECKED },
  ]),
);

const TIMEOUTS = Object.fromEntries(
  ["-1", "abc", "''", "10s", "4294967296", "1e3", "' 50'"].map((word) => [
    `conntrack -I -s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 10 --dport 20 --state LISTEN -t ${word}`,
    { ...refusedWith(`Invalid timeout \`${word.replaceAll("'", "")}'`), table: [], why: CHECKED },
  ]),
);

const KEYS_AND_TYPES = Object.fromEntries(
  [
    ["gre --srckey", "65537"],
    ["gre --srckey", "abc"],
    ["gre --srckey", "''"],
    ["icmp --icmp-type", "0x8"],
    ["icmp --icmp-type", "264"],
    ["icmp --icmp-type", "abc"],
    ["icmp --icmp-type", "-1"],
  ].map(([option, word]) => [
    `conntrack -L -p ${option} ${word}`,
    { ...refusedValue(word!.replaceAll("'", "")), why: CHECKED },
  ]),
);

const bufferSnippet = (size: string) =>
  `sysctl -qw net.netfilter.nf_conntrack_events=1; timeout -s INT 0.8 conntrack -E -b ${size} & sleep .3; $ORC -I -s 7.7.7.7 -d 8.8.8.8 -p udp --sport 5 --dport 6 -t 50 -m 3 2>/dev/null; $ORC -D -p udp >/dev/null 2>&1; wait $!; echo E-rc=$?`;

const BUFFERS: Record<string, Reasoned> = Object.fromEntries(
  ["abc", "-1"].map((word) => [
    bufferSnippet(word),
    { ...refusedValue(word), status: 0, stdout: "E-rc=2\n", why: CHECKED },
  ]),
);

/** The snippets that add labels, look, delete label "ten", look again, and look for both labels. */
function labelSnippet(add: string): string {
  const map = "--labelmap lm.conf";
  return [
    "nft 'table inet n { chain o { type filter hook output priority 0; udp dport 1 ct label set 2; }; }'",
    "$ORC -D >/dev/null 2>&1",
    "$ORC -I -s 1.1.1.1 -d 2.2.2.2 -p gre --srckey 1 --dstkey 2 -t 900 2>/dev/null",
    `conntrack -U -p gre ${add} ${map}`,
    `conntrack -L -o labels ${map}`,
    `conntrack -U -p gre --label-del=ten ${map}`,
    `conntrack -L -o labels ${map}`,
    `conntrack -L -l ten,last ${map}`,
  ].join("; ");
}

function labelled(mark: number, first: string, second: string): Deviation {
  const one = (labels: string) => `gre      47 T ${GRE} mark=${mark} use=U${labels}\n`;
  return {
    status: 0,
    stdout: one(first).repeat(2) + one(second).repeat(2),
    stderr: ["updated", "shown", "updated", "shown"]
      .map((done) => `${PREFIX}1 flow entries have been ${done}.\n`)
      .join("")
      .concat(shown(0)),
  };
}

function loadFile(file: string): string {
  return `printf '%s' $'${file}' | conntrack -R - `;
}

const shell: Record<string, Reasoned> = {
  "conntrack --dump=expect": {
    status: 0,
    stdout: "",
    stderr: `${PREFIX}0 expectations have been shown.\n`,
    why: ATTACHED,
  },
  "conntrack --delete=expect": {
    ...refusedWith("You need to supply the `--src' option for this command"),
    why: ATTACHED,
  },
  "conntrack --flush=expect": {
    status: 0,
    stdout: "",
    stderr: `${PREFIX}expectation table has been emptied.\n`,
    why: ATTACHED,
  },
  "conntrack -L --sport 10 -p tcp": {
    status: 0,
    stdout: text([entry("established"), entry("dnat")]),
    stderr: shown(2),
    why: "protocol options may stand before -p",
  },
  "conntrack -L -n9.9.9.9": { status: 0, stdout: text([entry("snat")]), stderr: shown(1), why: ATTACHED },
  "conntrack -L -n=9.9.9.9": { ...refusedWith("Invalid IP address `=9.9.9.9'"), why: ATTACHED },
  "conntrack -L --src-nat=9.9.9.9": { status: 0, stdout: text([entry("snat")]), stderr: shown(1), why: ATTACHED },
  "conntrack -C -p tcp": { status: 0, stdout: "3\n", stderr: "", why: COUNTS },
  "conntrack -C -f ipv4": { status: 0, stdout: "9\n", stderr: "", why: COUNTS },
  "conntrack -L --i 5": { ...NONE_SHOWN, why: IDS },
  'ID=$($ORC -L -p gre -o id 2>/dev/null | sed -n "s/.* id=//p"); conntrack -L -i $ID': {
    status: 0,
    stdout: text([entry("gre")]),
    stderr: shown(1),
    why: IDS,
  },
  "conntrack -L -i 0": { ...NONE_SHOWN, why: IDS },
  "conntrack -L -i 4294967295": { ...NONE_SHOWN, why: IDS },
  "conntrack -L -m 5,6": {
    status: 0,
    stdout: text([entry("dns")]),
    stderr: shown(1),
    why: "a filter may be a list",
  },
  "conntrack -L -u UNREPLIED,ASSURED": { ...NONE_SHOWN, why: ALL_OF_THEM },
  "conntrack -L -u UNSET": { ...NONE_SHOWN, why: "UNSET asks for none of the four flags" },
  "conntrack -L --secmark 1": { ...NONE_SHOWN, why: SECMARK },
  "conntrack -L -c 0": { ...NONE_SHOWN, why: SECMARK },
  "conntrack -L -z -n": {
    ...refusedWith("Can't use -z with filtering parameters"),
    why: "zeroing every entry was not asked for",
  },
  "conntrack -L -s '1.1.1.1 '": {
    ...refusedWith("Invalid IP address `1.1.1.1 '"),
    why: "an address is the whole word",
  },
  "conntrack -L -s 1.1.1.1/": { ...refusedWith("Invalid netmask"), why: "an empty prefix length is not /0" },
  "conntrack -L -p tcp --sport 010": {
    status: 0,
    stdout: text([entry("established"), entry("dnat")]),
    stderr: shown(2),
    why: "ports are decimal, with leading zeroes too, as in -g ADDRESS:080",
  },
  "conntrack -L -p sctp --state HEARTBEAT_SENT": { ...NONE_SHOWN, why: "the reference crashes" },
  "conntrack -L -p sctp --state HEARTBEAT_ACKED": { ...NONE_SHOWN, why: "the reference crashes" },
  "conntrack -L -p sctp --state BOGUS": { ...refusedWith("unknown SCTP state `BOGUS'"), why: "the reference crashes" },
  "conntrack -L -p sctp --state established": {
    ...refusedWith("unknown SCTP state `established'"),
    why: "the reference crashes",
  },
  "conntrack -D -u UNSET": { ...deleted(UNREPLIED), why: ALL_OF_THEM },
  "conntrack -D -u UNREPLIED": { ...deleted(UNREPLIED), why: ALL_OF_THEM },
  "conntrack --u -m 1": { ...updated(NAMES, 1), why: FOUND },
  "conntrack --upd -m 1": { ...updated(NAMES, 1), why: FOUND },
  "conntrack -U -p udp -m 5": { ...updated(["snat", "zone7"], 5), why: FOUND },
  "conntrack -U -m 5/0xff -p udp": { ...updated(["snat", "zone7"], 5), why: FOUND },
  "conntrack -U -s 1.1.1.0/24 -m 3": { ...updated(OF_NET, 3), why: FOUND },
  "timeout -s INT 1 conntrack -L -l bogus,ten --labelmap lm.conf": {
    ...refusedWith("unknown label 'bogus'"),
    why: "every label of a list counts",
  },
  [labelSnippet("--label-add ten,last")]: { ...labelled(0, " labels=ten,last", " labels=last"), why: ATTACHED },
  [labelSnippet("--label-add ten --label-add last")]: {
    ...labelled(0, " labels=ten,last", " labels=last"),
    why: ATTACHED,
  },
  [labelSnippet("--label-add last,ten")]: { ...labelled(0, " labels=ten,last", " labels=last"), why: ATTACHED },
  [labelSnippet("--label-add ten -m 3")]: { ...labelled(3, " labels=ten", ""), why: ATTACHED },
  [loadFile("-U -p tcp -m 1\\n-U -p udp -m 2\\n")]: {
    status: 0,
    stdout: text([
      entry("established", 1),
      entry("v6", 1),
      entry("dnat", 1),
      entry("dns", 2),
      entry("snat", 2),
      entry("zone7", 2),
    ]),
    stderr: "",
    table: table({ established: 1, v6: 1, dnat: 1, dns: 2, snat: 2, zone7: 2 }),
    why: LINES,
  },
  [loadFile("-D -p tcp -o save\\n-D -p udp\\n")]: {
    status: 0,
    stdout: text([
      "-D -t T -u SEEN_REPLY,ASSURED -s 1.1.1.1 -d 2.2.2.2 -r 2.2.2.2 -q 1.1.1.1 -p tcp --sport 10 --dport 20 --reply-port-src 20 --reply-port-dst 10 --state ESTABLISHED",
      "-D -t T -u SEEN_REPLY -s 1.1.1.1 -d 2.2.2.3 -g 3.3.3.3 -q 1.1.1.1 -p tcp --sport 10 --dport 8080 --reply-port-src 80 --reply-port-dst 10 --state SYN_RECV",
      "-D -t T -u UNSET -s fd::1 -d fd::2 -r fd::2 -q fd::1 -p tcp --sport 1 --dport 2 --reply-port-src 2 --reply-port-dst 1 --state SYN_SENT",
      entry("dns"),
      entry("snat"),
      entry("zone7"),
    ]),
    stderr: "",
    table: table({}, ["established", "dnat", "v6", "dns", "snat", "zone7"]),
    why: LINES,
  },
  // No rule uses labels in these namespaces, so no entry can carry one; the lines are legal all the same.
  [loadFile("-U -p gre --label-add ten --labelmap lm.conf\\n")]: {
    status: 0,
    stdout: "",
    stderr: "",
    table: table(),
    why: LINES,
  },
  [loadFile("-U -p gre --label-add ten --labelmap lm.conf\\n-U -p udp --label-add ten\\n")]: {
    status: 2,
    stdout: "",
    stderr: `nfct_labelmap_new: No such file or directory\n${usage("unknown label 'ten'")}`,
    table: table(),
    why: `${LINES}; the second line names no map`,
  },
  [loadFile("-D -l ten --labelmap lm.conf\\n-D -l ten --labelmap lm.conf\\n")]: {
    status: 0,
    stdout: "",
    stderr: "",
    table: table(),
    why: LINES,
  },
  [loadFile("   ")]: { status: 0, stdout: "", stderr: "", table: [], why: LINES },
  [loadFile("\\r\\n")]: { status: 0, stdout: "", stderr: "", table: [], why: LINES },
  "POSIXLY_CORRECT=1 conntrack foo -L": {
    status: 0,
    stdout: "(any)",
    stderr: /^/,
    why: "the environment does not change the grammar; only the status is the same",
  },
  ...PORTS,
  ...TIMEOUTS,
  ...KEYS_AND_TYPES,
  ...BUFFERS,
  [bufferSnippet("0")]: {
    status: 0,
    stdout: "(any)",
    stderr: `NOTICE: Netlink socket buffer size has been set to 2304 bytes.\n${PREFIX}2 flow events have been shown.\n`,
    why: "as the reference; the names of programs that have ended come and go",
  },
  [loadFile('-I -s 1.1.1.1 -d 2.2.2.2 -p "tcp --sport 10 --dport 20 --state LISTEN -t 50\\n')]: {
    ...refusedWith("`tcp --sport 10 --dport 20 --state LISTEN -t 50?' unsupported protocol"),
    stderr: usage("`tcp --sport 10 --dport 20 --state LISTEN -t 50?' unsupported protocol"),
    why: "control characters of others, a newline too, are replaced in messages",
  },
};

/** What our help does: our own words where the reference prints its own, the same refusals. */
function help(status: number, stderr: string, printed: boolean, piped: boolean): Deviation {
  return { status, stdout: piped ? "(any)" : printed ? "(our words)" : "", stderr };
}

export function cliDeviation({ argv, exit, stderr, deviation, stdoutEmpty }: CliCase): Deviation | undefined {
  if (deviation?.startsWith("help text")) return help(exit, stderr, !stdoutEmpty, false);
  return cli[argv.join(" ")];
}

export function shellDeviation({ cmd, rc, err, deviation }: ShellCase): Deviation | undefined {
  const own = shell[cmd];
  if (own !== undefined || !deviation?.startsWith("help text")) return own;
  return help(Number(rc), err, rc === "0", cmd.includes("|"));
}

/** Compares stderr of a load-file run: an error is followed by a line of ours that names the line of the file. */
export function assertLoadFileStderr(got: string, recorded: string | RegExp, line?: number): void {
  assert.ok(typeof recorded === "string");
  const isError =
    lines(recorded).some((one) => !/have been|has been emptied/.test(one)) && !recorded.includes("Failed to open");
  if (!isError) {
    assert.equal(got, recorded);
    return;
  }
  assert.equal(got.slice(0, recorded.length), recorded);
  const note = /^[^\n]*\bline (\d+)\b[^\n]*\n$/.exec(got.slice(recorded.length));
  assert.ok(note, `a last line that names the line of the file, not ${JSON.stringify(got.slice(recorded.length))}`);
  if (line !== undefined) assert.equal(Number(note[1]), line);
}
