/** From a command's values to the filters that apply: all of it in user space, and what the kernel can do before. */
import type { DumpFilter } from "../ctnetlink/encode.js";
import { compileFilter, type Predicate } from "../match/filter.js";
import { EINVAL } from "../netlink/errno.js";
import { KernelError } from "../system/errors.js";
import type { Command } from "./command.js";

/** The complete predicate of a list, get, delete or event command; undefined where every entry matches. */
export function flowPredicate({ family, values }: Command): Predicate | undefined {
  return compileFilter({ ...values, family });
}

/** What the kernel is asked to leave out of a dump. */
export function dumpFilter({ family, values: { mark, status } }: Command): DumpFilter {
  return {
    family,
    ...(mark === undefined ? {} : { mark }),
    ...(status === undefined || status.unset ? {} : { status: { value: status.set, mask: status.set | status.clear } }),
  };
}

/** A status list that names no flag at all (SRC_NAT, say) filters nothing; the kernel refuses it, and so do we. */
export function checkStatus({ values: { status } }: Command): void {
  if (status !== undefined && !status.unset && (status.set | status.clear) === 0) {
    throw new KernelError(EINVAL, "status filter");
  }
}
