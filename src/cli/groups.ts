/** The values of --group-by and --sort, and what these and --limit do not go with. */
import { UsageError } from "../system/errors.js";
import { type Field, fieldByName } from "../tally/fields.js";
import { ENTRY_SORT_NAMES, FIELD_NAMES, GROUP_SORT_NAMES, SORT_NAMES, type Sort } from "../tally/names.js";
import type { Arguments } from "./arguments.js";

/** Only the view takes it. */
const NO_FIELDS = "none";

/** --group-by: names of fields, each once; none for flows for themselves. */
export function readFields(text: string): readonly Field[] {
  if (text === NO_FIELDS) return [];
  const fields = text.split(",").map((name) => fieldByName(name) ?? invalid("field", name));
  const twice = fields.find(({ base }, i) => fields.findIndex((other) => other.base === base) < i);
  if (twice !== undefined) throw new UsageError(`field \`${twice.base}' is given twice`);
  return fields;
}

/** --sort: KEY[:asc|:desc]. Whether the key goes with what is listed is for readers of the whole line to say. */
export function readSort(text: string): Sort {
  const [, key = text, direction] = /^(.*):(asc|desc)$/.exec(text) ?? [];
  if (fieldByName(key) === undefined && !SORT_NAMES.includes(key)) invalid("sort key", text);
  return direction === undefined ? { key } : { key, direction: direction as "asc" | "desc" };
}

function invalid(what: string, text: string): never {
  throw new UsageError(`Invalid ${what} \`${text}'`);
}

const nameOf = (key: string) => key.split("/", 1)[0]!;

function checkSort({ key }: Sort, by: readonly Field[] | undefined): void {
  const fields: readonly string[] = by === undefined ? FIELD_NAMES : by.flatMap(({ name, base }) => [name, base]);
  const others: readonly string[] = by === undefined ? ENTRY_SORT_NAMES : GROUP_SORT_NAMES;
  if (others.includes(key) || fields.includes(by === undefined ? nameOf(key) : key)) return;
  throw new UsageError(`Can't sort ${by === undefined ? "entries" : "these groups"} by \`${key}'`);
}

function checkViewSort({ key }: Sort, by: readonly Field[] | undefined): void {
  const showsFlows = by?.length === 0;
  const known: readonly string[] = showsFlows
    ? ["bytes", "orig-bytes", "reply-bytes", "age", "expires"]
    : ["flows", "unreplied", "bytes", "orig-bytes", "reply-bytes", "age", ...(by ?? []).map(({ name }) => name)];
  if (!known.includes(key))
    throw new UsageError(`Can't sort ${showsFlows ? "the flows" : "the groups"} of --top by \`${key}'`);
}

/** Throws UsageError where the line has one of the three, and something that does not go with it. */
export function checkGroups({ name, extensions, zero, output }: Arguments): void {
  const { sort, "group-by": by } = extensions;
  if (name === "top") {
    if (sort !== undefined) checkViewSort(sort, by);
    return;
  }
  if (by?.length === 0) invalid("field", NO_FIELDS);
  if (sort !== undefined) checkSort(sort, by);
  // The counters of all entries would be gone, and those of some shown.
  const option = by !== undefined ? "group-by" : sort !== undefined ? "sort" : "limit";
  if (zero) throw new UsageError(`Can't use -z with --${option}`);
  if (by === undefined) return;
  for (const format of ["xml", "save"] as const) {
    if (output[format]) throw new UsageError(`Can't use -o ${format} with --group-by`);
  }
}
