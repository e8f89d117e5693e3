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

/** All items are of one family: raw bytes in network order, 4 or 16. */
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

/** The one number that meets a condition; undefined where there are more, or no condition. */
export function exactNumber(condition: NumberCondition | undefined): number | undefined {
  const item = onlyItem(condition);
  return item !== undefined && item.from === item.to ? item.from : undefined;
}

/** The one address that meets a condition: none of a network, whatever its mask. */
export function exactAddress(condition: AddressCondition | undefined): Uint8Array | undefined {
  const item = onlyItem(condition);
  if (item === undefined || !("address" in item)) return undefined;
  return item.mask === undefined || item.mask.every((byte) => byte === 0xff) ? item.address : undefined;
}

export const exactMark: (condition: MarkCondition | undefined) => MaskedMark | undefined = onlyItem;

/** How many bytes the addresses of a condition have. */
export function addressLength({ items: [first] }: AddressCondition): number {
  return first === undefined ? 0 : "address" in first ? first.address.length : first.from.length;
}
