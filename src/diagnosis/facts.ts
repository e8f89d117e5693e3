/** What the diagnosis goes by: figures of the table, of the kernel's counters and of its settings. */

/** A count of flows under some name. */
export interface Share {
  readonly name: string;
  readonly flows: number;
}

/** A source or a destination with many flows. */
export interface Talker extends Share {
  readonly unreplied: number;
  /** For a source: the destination, with its port, that most of its flows have. */
  readonly mostly?: Share;
}

/** How many ports of a translated address are taken towards one destination. */
export interface PortUse {
  /** The address that the sources became. */
  readonly address: string;
  readonly protocol: string;
  readonly destination: string;
  readonly flows: number;
}

/** How long assured, established TCP connections have had no packet. */
export interface Idle {
  /** net.netfilter.nf_conntrack_tcp_timeout_established, in seconds. */
  readonly timeoutSeconds: number;
  /** How many have been idle for longer than so many seconds. */
  readonly longerThan: readonly { readonly seconds: number; readonly flows: number }[];
  /** Those whose time cannot be told: their timeout is not that of the setting. */
  readonly unknown: number;
}

export interface Counter {
  readonly name: string;
  /** Since boot. */
  readonly total: number;
  /** Between the two samples; absent where there was one sample. */
  readonly perSecond?: number;
}

export interface Setting {
  /** As sysctl(8) knows it. */
  readonly name: string;
  readonly value: number;
  readonly default?: number;
}

/** What the last column of slabinfo(5) and the hash table take: of all network namespaces together. */
export interface Memory {
  readonly entryBytes?: number;
  readonly bucketBytes?: number;
}

/** What a dump says of the flows that the filter let through. */
export interface FlowFacts {
  /** How many they are: the shares below are of these. */
  readonly flows: number;
  readonly protocols: readonly Share[];
  /** Of TCP. */
  readonly states: readonly Share[];
  readonly unreplied: number;
  /** Entries that the kernel may evict from a full table. */
  readonly unassured: number;
  readonly offloaded: number;
  readonly sources: readonly Talker[];
  readonly destinations: readonly Talker[];
  readonly ports: readonly PortUse[];
  readonly idle?: Idle;
}

/** In place of flows that could not be read. */
export const NO_FLOWS: FlowFacts = {
  flows: 0,
  protocols: [],
  states: [],
  unreplied: 0,
  unassured: 0,
  offloaded: 0,
  sources: [],
  destinations: [],
  ports: [],
};

/** Of flows nothing is there where they could not be read. */
export interface Facts extends Partial<FlowFacts> {
  /** The file that stands for the kernel's table: nothing is known but its flows. */
  readonly from?: string;
  readonly entries: number;
  /** net.netfilter.nf_conntrack_max. */
  readonly limit?: number;
  readonly entriesPerSecond?: number;
  readonly buckets?: number;
  readonly counters: readonly Counter[];
  readonly settings: readonly Setting[];
  readonly memory: Memory;
  /** What could not be read, and why the figures may be off. */
  readonly gaps: readonly string[];
}

/** The value of a counter; 0 where the kernel has none of that name. */
export function counter({ counters }: Facts, name: string): Counter {
  return counters.find((one) => one.name === name) ?? { name, total: 0 };
}

/** The value of a setting by its name behind net.netfilter.nf_conntrack_. */
export function setting({ settings }: Facts, name: string): Setting | undefined {
  return settings.find((one) => one.name === `net.netfilter.nf_conntrack_${name}`);
}

/** The flows of a name among shares. */
export function flowsOf(shares: readonly Share[], name: string): number {
  return shares.find((one) => one.name === name)?.flows ?? 0;
}
