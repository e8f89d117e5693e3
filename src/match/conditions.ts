/**
 * What a field of a flow must be: one of some values, or none of them. A field that the kernel did not send meets no
 * condition, negated or not.
 */

/** A condition with one item or more; `not`: the field must be none of them. */
interface Condition<Item> {
  readonly items: readonly Item[];
  readonly not: boolean;
}

/** Numbers from `from` to `to`, both included. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** The items are in order and do not overlap: see numberSet. */
export type NumberCondition = Condition<NumberRange>;

/** Addresses that are `address` under the mask, all of whose bits count where it is absent. */
export interface Network {
  readonly address: Uint8Array;
  readonly mask?: Uint8Array;
}

/** Addresses from `from` to `to`, both included, in the order of their bytes. */
export interface AddressRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** All items are of one family: raw bytes in network order, 4 or 16. Several are ranges, in order: see addressSet. */
export type AddressCondition = Condition<Network | AddressRange>;

/** Marks that are `value` in the bits of `mask`. */
export interface MaskedMark {
  readonly value: number;
  readonly mask: number;
}

export type MarkCondition = Condition<MaskedMark>;

/** Exactly this item. */
function only<Item>(item: Item): Condition<Item> {
  return { items: [item], not: false };
}

/** Numbers from a list, in order, those that touch one another as one range. */
export function numberSet(items: readonly NumberRange[], not: boolean): NumberCondition {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of items.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || from > last.to + 1) merged.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return { items: merged, not };
}

/** Less than 0, 0 or more, as one address comes before another of its family, is it, or comes after. */
export function compareAddresses(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The first and the last address of an item; its mask must be ones, then zeroes. */
function rangeOf(item: Network | AddressRange): { from: Uint8Array; to: Uint8Array } {
  if ("from" in item) return { from: item.from, to: item.to };
  const { address, mask } = item;
  if (mask === undefined) return { from: address, to: address };
  return {
    from: address.map((byte, i) => byte & mask[i]!),
    to: address.map((byte, i) => byte | (~mask[i]! & 0xff)),
  };
}

/** Addresses from a list of one family, as ranges in order that do not overlap. The masks must be ones, then zeroes. */
export function addressSet(items: readonly (Network | AddressRange)[], not: boolean): AddressCondition {
  if (items.length === 1) return { items, not };
  const merged: { from: Uint8Array; to: Uint8Array }[] = [];
  for (const { from, to } of items.map(rangeOf).sort((a, b) => compareAddresses(a.from, b.from))) {
    const last = merged.at(-1);
    if (last === undefined || compareAddresses(from, last.to) > 0) merged.push({ from, to });
    else if (compareAddresses(to, last.to) > 0) last.to = to;
  }
  return { items: merged, not };
}

/** The one number. */
export const exactly = (value: number): NumberCondition => only({ from: value, to: value });

/** The one address, or network. */
export const inNetwork = (address: Uint8Array, mask?: Uint8Array): AddressCondition =>
  only(mask === undefined ? { address } : { address, mask });

export const markedWith = (value: number, mask: number): MarkCondition => only({ value, mask });

/** The only item that is wanted, or undefined where there are several, or where it is what must not be. */
function onlyItem<Item>(condition: Condition<Item> | undefined): Item | undefined {
  return condition === undefined || condition.not || condition.items.length !== 1 ? undefined : condition.items[0];
}

/** Whether a number meets a condition. */
export const isMetBy = ({ items, not }: NumberCondition, value: number): boolean =>
  items.some(({ from, to }) => from <= value && value <= to) !== not;

/** The one number that meets a condition; undefined where there are more, or no condition. */
export function exactNumber(condition: NumberCondition | undefined): number | undefined {
  const item = onlyItem(condition);
  return item !== undefined && item.from === item.to ? item.from : undefined;
}

/** The one address that meets a condition: none of a network, whatever its mask. */
export function exactAddress(condition: AddressCondition | undefined): Uint8Array | undefined {
  const item = onlyItem(condition);
  if (item === undefined) return undefined;
  if ("from" in item) return compareAddresses(item.from, item.to) === 0 ? item.from : undefined;
  return item.mask === undefined || item.mask.every((byte) => byte === 0xff) ? item.address : undefined;
}

export const exactMark: (condition: MarkCondition | undefined) => MaskedMark | undefined = onlyItem;

/** How many bytes the addresses of a condition have. */
export function addressLength({ items: [first] }: AddressCondition): number {
  return first === undefined ? 0 : "address" in first ? first.address.length : first.from.length;
}
