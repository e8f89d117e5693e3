/** From a command's values to the filter that applies. */
import type { FlowFilter } from "../match/filter.js";
import { EINVAL } from "../system/errno.js";
import { KernelError } from "../system/errors.js";
import type { Command } from "./command.js";

/** The complete filter of a list, get, delete or event command. */
export function flowFilter({ family, values }: Command): FlowFilter {
  return { ...values, family };
}

/** Timeout, mark, status, state and label options of an update say what to change; all others, which entries. */
export function updateFilter({ family, values }: Command): FlowFilter {
  const { timeoutSeconds: _t, mark: _m, status: _u, state: _s, origVtag: _o, replyVtag: _r, ...filter } = values;
  return { ...filter, family };
}

/** A status list that names no flag at all (SRC_NAT, say) filters nothing; the kernel refuses it, and so do we. */
export function checkStatus({ values: { status } }: Command): void {
  if (status !== undefined && !status.unset && (status.set | status.clear) === 0) {
    throw new KernelError(EINVAL, "status filter");
  }
}
