/** The names of fields and of what can be sorted by. They stand apart because every start needs them and nothing else of this. */

/** What --group-by and --sort take, in the order in which the help shows them. */
export const FIELD_NAMES = [
  "family",
  "protocol",
  "state",
  "src",
  "dst",
  "sport",
  "dport",
  "reply-src",
  "reply-dst",
  "snat",
  "dnat",
  "nat",
  "mark",
  "zone",
  "label",
  "helper",
  "status",
] as const;

/** What --sort takes besides, for groups and for entries. */
export const GROUP_SORT_NAMES = ["flows", "unreplied", "packets", "bytes", "orig-bytes", "reply-bytes"] as const;
export const ENTRY_SORT_NAMES = [
  "unreplied",
  "packets",
  "bytes",
  "orig-bytes",
  "reply-bytes",
  "age",
  "expires",
] as const;

/** All of them. */
export const SORT_NAMES: readonly string[] = ["flows", ...ENTRY_SORT_NAMES];

/** What --sort says: the name of a field or of a sum, and a direction where one was given. */
export interface Sort {
  readonly key: string;
  readonly direction?: "asc" | "desc";
}
