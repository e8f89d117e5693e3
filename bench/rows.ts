/** What is measured: one entry, one row. A name up to its first hyphen is that of the group. */
import { type Contender, DRAIN, LINKED, NODE_NETLINK, NOTHING, SENDING } from "./contenders.js";
import { CREATIONS, type EventSource, PACKETS } from "./events.js";
import { largeNetwork, NO_ADDRESS, oneAddress, someAddresses, type Table } from "./table.js";

export interface Row {
  name: string;
  /** The command line; `entries` are those of this row's table, `saved` makes a file of them that -R takes. */
  args(entries: number, saved: () => string): readonly string[];
  /** What the reference runs, where it has nothing of the kind. */
  referenceArgs?: readonly string[];
  /** What a shell runs in place of the reference alone, whose path is $0. Its result is not compared with ours. */
  referenceScript?: string;
  /** How big the table is, by --entries. */
  entries(entries: number): number;
  /** Who takes part besides the conntracks. */
  beside: readonly Contender[];
  /** What puts the table into the state that every run begins with, where runs change it. */
  before?(table: Table): void;
  /** How often to run it, by --runs. */
  runs(runs: number): number;
  /**
   * "time": how long a run takes. "events": how many of the events of `source` it shows. "live": what a view on a terminal
   * costs, and how soon it answers. "micro": functions of ours, called in a loop.
   */
  kind: "time" | "events" | "live" | "micro";
  source?: EventSource;
  /** Whether it needs --peers. */
  peer: boolean;
  /** Whether --short leaves it out. Its name says how many entries it has, so it has no use for a smaller table. */
  large: boolean;
}

const DEFAULTS = {
  entries: (entries: number) => entries,
  beside: [],
  runs: (runs: number) => runs,
  kind: "time",
  peer: false,
  large: false,
} satisfies Partial<Row>;

function row(name: string, args: Row["args"] | readonly string[], other: Partial<Row> = {}): Row {
  return { ...DEFAULTS, name, args: typeof args === "function" ? args : () => args, ...other };
}

/** The table whole again. */
function refill(table: Table): void {
  table.flush();
  table.fill();
}

/** Each field of a line whose name is given, the first of them. */
const firstField = (name: string) => `awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^${name}=/) { print $i; next } }'`;
const COUNTED = "sort | uniq -c | sort -rn";

const few = (runs: number) => Math.min(runs, 3);
/** How many events are lost differs from run to run. */
const many = (runs: number) => (runs < 3 ? runs : Math.max(runs, 5));

const empty: Partial<Row> = { entries: () => 0, beside: [LINKED, NOTHING], runs: (runs) => 5 * runs };
const dump: Partial<Row> = { beside: [DRAIN] };
const change: Partial<Row> = { before: refill };
const load: Partial<Row> = { beside: [SENDING], before: (table) => table.flush() };
const live: Partial<Row> = { kind: "live", runs: () => 1 };
const million: Partial<Row> = { entries: () => 1_000_000, runs: few, large: true };

/** How many entries node-netlink can be asked to dump: its time grows with their square. */
const PEER_ENTRIES = 20_000;

export const ROWS: readonly Row[] = [
  row("list-default", ["-L"], dump),
  row("list-xml", ["-L", "-o", "xml"], dump),
  row("list-json", ["-L", "-o", "json"], { ...dump, referenceArgs: ["-L", "-o", "xml"] }),
  row("list-save", ["-L", "-o", "save"], dump),
  row("list-extended", ["-L", "-o", "extended"], dump),
  row("list-3000", ["-L"], { entries: (entries) => Math.min(entries, 3000) }),
  row("list-100", ["-L"], { entries: (entries) => Math.min(entries, 100) }),
  row("filter-source", (entries) => ["-L", "-s", oneAddress(entries)], dump),
  row("filter-network", (entries) => ["-L", "-s", largeNetwork(entries)], dump),
  row("filter-udp", ["-L", "-p", "udp"], dump),
  row("filter-tcp", ["-L", "-p", "tcp"], dump),
  row("filter-established", ["-L", "-p", "tcp", "--state", "ESTABLISHED"], dump),
  // The reference has no lists. All flows of the protocol are to one port, so both show the same.
  row("filter-list", ["-L", "-p", "tcp", "--dport", "80,443,8000-8100"], {
    ...dump,
    referenceArgs: ["-L", "-p", "tcp"],
  }),
  row("group-source", ["-L", "--group-by", "src"], {
    referenceScript: `"$0" -L | ${firstField("src")} | ${COUNTED}`,
  }),
  row("group-state", ["-L", "--group-by", "protocol,state"], {
    referenceScript: `"$0" -L | awk '{ print $1, $4 ~ /=/ ? "-" : $4 }' | ${COUNTED}`,
  }),
  row("diagnose", ["--diagnose"], { ...dump, referenceScript: '"$0" -L' }),
  row("count-tcp", ["-C", "-p", "tcp"], { ...dump, referenceScript: '"$0" -L -p tcp' }),
  row("sort-limit", ["-L", "--sort", "expires", "--limit", "20"], {
    referenceScript: '"$0" -L | sort -rnk3,3 | head -n 20',
  }),
  row("limit-alone", ["-L", "--limit", "20"], { referenceScript: '"$0" -L | head -n 20' }),
  // Four passes over the table, and three short waits.
  row("top-passes", ["--top", "--rounds", "3", "--interval", "0.1", "--limit", "20"], {
    referenceScript: `for i in 1 2 3 4; do "$0" -L | ${firstField("src")} | ${COUNTED} | head -n 20; done`,
  }),
  row("live-networks", ["--top", "--group-by", "src/24"], live),
  row("live-sources", ["--top", "--group-by", "src"], live),
  row("live-million-networks", ["--top", "--group-by", "src/24"], { ...million, ...live }),
  row("live-million-sources", ["--top", "--group-by", "src"], { ...million, ...live }),
  row("delete-none", ["-D", "-s", NO_ADDRESS], dump),
  row("delete-one", (entries) => ["-D", "-s", oneAddress(entries)], change),
  row("delete-udp", ["-D", "-p", "udp", "-f", "ipv4"], change),
  row("update-some", (entries) => ["-U", "-s", someAddresses(entries), "-m", "42"], change),
  row("update-udp", ["-U", "-p", "udp", "-f", "ipv4", "-m", "42"], change),
  row("load", (_, saved) => ["-R", saved()], load),
  row("load-million", (_, saved) => ["-R", saved()], { ...load, ...million }),
  row("events", ["-E"], { kind: "events", source: CREATIONS, entries: (entries) => entries / 2, runs: many }),
  row("events-packets", ["-E", "-e", "NEW"], { kind: "events", source: PACKETS, runs: many }),
  row("start-version", ["-V"], empty),
  row("start-count", ["-C"], empty),
  row("memory-small", ["-L"], { entries: (entries) => entries / 40, runs: few }),
  row("memory-large", ["-L"], { entries: (entries) => 2.5 * entries, runs: few }),
  row("micro", [], { kind: "micro", entries: (entries) => Math.min(entries, 1000) }),
  row("peer-node-netlink", ["-L"], {
    beside: [DRAIN, NODE_NETLINK],
    entries: (entries) => Math.min(entries, PEER_ENTRIES),
    peer: true,
  }),
];

/**
 * The rows that the words name, or all.
 * @throws Error for a word that is neither a row's name nor a group's.
 */
export function selectRows(
  names: readonly string[],
  { peers = false, short = false }: { peers?: boolean; short?: boolean },
): readonly Row[] {
  const there = ROWS.filter(({ peer, large }) => (peers || !peer) && !(short && large));
  const named = (name: string) => there.filter((row) => row.name === name || row.name.startsWith(`${name}-`));
  const unknown = names.find((name) => named(name).length === 0);
  if (unknown !== undefined) {
    throw new Error(`no row is named ${unknown}: there are ${there.map(({ name }) => name).join(", ")}`);
  }
  return names.length === 0 ? there : [...new Set(names.flatMap(named))];
}
