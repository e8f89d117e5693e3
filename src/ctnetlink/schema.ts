/** Reading a run of netlink attributes into slots, by a schema. See netlink(7), "Netlink attributes"; nlattr in linux/netlink.h. */
import { align4, attrLength, attrType, readU16Host } from "../netlink/attributes.js";
import { NLA_HDRLEN } from "../netlink/constants.js";
import { WireError } from "../system/errors.js";

/** sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg): where the attributes of a message begin. */
export const HEADERS = 20;

/** What a level of attributes may hold. Types at or above `minimum.length`, and those with minimum -1 and no nest, are skipped. */
export interface Schema {
  /** Slot of type t is base + t. */
  readonly base: number;
  /** Least payload length by type, in bytes; -1 for a type of no interest. */
  readonly minimum: Int8Array;
  /** What nests inside, by type. */
  readonly nested: readonly (Schema | undefined)[];
}

/** A row of a schema: the least payload length, or the schema of what nests inside. */
export type SchemaRows = Readonly<Record<number, number | Schema>>;

export function schema(base: number, rows: SchemaRows): Schema {
  const types = Math.max(...Object.keys(rows).map(Number)) + 1;
  const minimum = new Int8Array(types).fill(-1);
  const nested: (Schema | undefined)[] = new Array(types).fill(undefined);
  for (const [type, row] of Object.entries(rows)) {
    if (typeof row === "number") minimum[Number(type)] = row;
    else nested[Number(type)] = row;
  }
  return { base, minimum, nested };
}

/** The payload length of the attribute whose payload begins at `offset`. */
export function payloadLength(buffer: Uint8Array, offset: number): number {
  return readU16Host(buffer, offset - NLA_HDRLEN) - NLA_HDRLEN;
}

/**
 * Notes in `slots` how far from `start` each payload of the attributes in `buffer[offset, end)` begins, and in `headers` the
 * same of every attribute's header that was read.
 * @throws WireError where an attribute leaves its parent or is shorter than its type demands.
 */
export function readAttributes(
  slots: Int32Array,
  headers: number[],
  buffer: Uint8Array,
  start: number,
  offset: number,
  end: number,
  { base, minimum, nested }: Schema,
): void {
  // Fewer than four bytes at the end are padding: the kernel may leave the last attribute of an event unaligned.
  while (end - offset >= NLA_HDRLEN) {
    const length = attrLength(buffer, offset, end);
    const type = attrType(buffer, offset);
    const payload = offset + NLA_HDRLEN;
    headers.push(offset - start);
    if (type < minimum.length) {
      const inner = nested[type];
      if (inner !== undefined) {
        slots[base + type] = payload - start;
        readAttributes(slots, headers, buffer, start, payload, offset + length, inner);
      } else {
        const least = minimum[type]!;
        if (least >= 0) {
          if (length - NLA_HDRLEN < least) throw new WireError(`attribute ${type} is too short`, offset);
          slots[base + type] = payload - start;
        }
      }
    }
    offset += align4(length);
  }
}
