/** The names of the kernel's flags and roles. The formats, the command line and the library all take them from here. */

/** enum ip_conntrack_status (IPS_*), nf_conntrack_common.h, by bit number. */
export const STATUS_NAMES = [
  "EXPECTED",
  "SEEN_REPLY",
  "ASSURED",
  "CONFIRMED",
  "SRC_NAT",
  "DST_NAT",
  "SEQ_ADJUST",
  "SRC_NAT_DONE",
  "DST_NAT_DONE",
  "DYING",
  "FIXED_TIMEOUT",
  "TEMPLATE",
  "NAT_CLASH",
  "HELPER",
  "OFFLOAD",
  "HW_OFFLOAD",
] as const;
export type StatusName = (typeof STATUS_NAMES)[number];

/** The IPS_* bit of a name. */
export function statusBit(name: StatusName): number {
  return 1 << STATUS_NAMES.indexOf(name);
}

/** NF_CT_EXPECT_*, nf_conntrack_common.h, by bit number. */
export const EXPECT_FLAG_NAMES = ["PERMANENT", "INACTIVE", "USERSPACE"] as const;

/** The names of the flags in `value`; a bit without a name is called BIT_n. */
export function flagNames<Name extends string>(value: number, names: readonly Name[]): (Name | `BIT_${number}`)[] {
  const found: (Name | `BIT_${number}`)[] = [];
  for (let bit = 0; bit < 32; bit++) if ((value & (1 << bit)) !== 0) found.push(names[bit] ?? `BIT_${bit}`);
  return found;
}

/** CT_DCCP_ROLE_*, by number. */
export const DCCP_ROLES = ["client", "server"] as const;
