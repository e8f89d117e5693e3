/** Values that may be a list where the command filters by them. */
import { UsageError } from "../system/errors.js";
import type { Draft } from "./draft.js";
import { filters } from "./extensions.js";

/** What was read; the other is undefined, so that of two options the last one counts. */
export interface OneOrList<One, List> {
  readonly one: One | undefined;
  readonly list: List | undefined;
}

function takesLists(draft: Draft, changes: boolean): boolean {
  const { subject, table } = draft.subject === "none" ? draft.commandAhead() : { ...draft.low, subject: draft.subject };
  return filters(subject, table) && !(changes && subject === "update");
}

/**
 * One value, as the reference reads it. Where that cannot be read, a list, if the command filters by the option.
 * @param changes whether the option is what -U changes an entry to
 * @throws UsageError as the reference words it, where neither can be read
 */
export function oneOrList<One, List>(
  draft: Draft,
  one: () => One,
  list: () => List,
  changes = false,
): OneOrList<One, List> {
  try {
    return { one: one(), list: undefined };
  } catch (error) {
    if (!(error instanceof UsageError && takesLists(draft, changes))) throw error;
    return { one: undefined, list: list() };
  }
}
