/**
 * What each flow had counted at the last full pass, by the kernel's id of it. Two flows with the same id (a 32-bit hash: some
 * hundred of a million) disturb each other's rates and nothing else.
 *
 * Open addressing in one array, so that native code can use it too (find_flow in src/native/trace.c): 24 bytes a place, of
 * which up to 70 % are in use. Where more would be, what is forgotten is dropped, in twice the room if need be: native code
 * does that, for a table of a million flows within the time of an answer to a key.
 */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView, Remembered, Sums } from "../ctnetlink/view.js";
import { LITTLE_ENDIAN } from "../netlink/attributes.js";
import { MEMORY, MEMORY_WORDS, PLACE, PLACE_WORDS } from "../netlink/backend/traces.js";

const FIRST_CAPACITY = 1024;
const WORD = 0x100000000;
/** A counter is a u64 in host byte order: which of its two words is the low one. */
const LOW = LITTLE_ENDIAN ? 0 : 1;
const HIGH = 1 - LOW;
/** In tenths: so many of the places are in use at most. */
const MOST_USED = 7;
/** Where more is in use once everything is settled, twice the room is better: else there would be little left soon. */
const MOST_SETTLED = 6;
/** Of the pass that saw a flow: the flow is not yet where it belongs. */
const LOOSE = 0x80000000;
/** More than the flows of one datagram of a dump. */
const RESERVE = 512;

const ID = S.TOP + C.CTA_ID;
/** The counters that are remembered, by their numbers there. */
const ORIG = 0;
const REPLY = 1;
const BYTES = [S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES, S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES] as const;

/** Which sums of a row a flow is added to: flows that are new, and what each direction has sent since. */
export interface GrowthSums {
  readonly fresh: number;
  readonly up: number;
  readonly down: number;
}

export class FlowMemory implements Remembered {
  /** Of the flow that was noted last: the bytes of each direction since the last pass; all of them for a flow that is new. */
  up = 0;
  down = 0;

  #memory = memoryOf(FIRST_CAPACITY);
  /** Where the place of the flow that was recalled begins. */
  #at = 0;
  /** About how many flows the pass will find. */
  #expected = 0;

  get memory(): Uint32Array {
    return this.#memory;
  }

  /** Begins a pass over about so many flows. */
  begin(flows = 0): void {
    this.#memory[MEMORY.PASS]!++;
    this.#expected = flows;
  }

  /** The pass has come to its end: flows that it has not seen are forgotten. After one that was broken off they are not. */
  end(): void {
    this.#memory[MEMORY.OLDEST] = this.#memory[MEMORY.PASS]!;
  }

  /** Flows whose counters have grown by no more than this grewLittle() passes over. */
  set least(bytes: number) {
    this.#memory[MEMORY.LEAST + LOW] = bytes >>> 0;
    this.#memory[MEMORY.LEAST + HIGH] = Math.floor(bytes / WORD);
  }

  get least(): number {
    return this.#memory[MEMORY.LEAST + HIGH]! * WORD + this.#memory[MEMORY.LEAST + LOW]!;
  }

  /**
   * Notes what a flow has counted, sets `up` and `down`, and adds them to the row that was entered last. A flow without an id
   * counts as new every time.
   */
  note(view: FlowView, sums: Sums, { fresh, up, down }: GrowthSums): void {
    this.up = this.down = 0;
    if (view.has(ID)) {
      view.recall(this, ID, sums, fresh);
      if (view.has(BYTES[ORIG])) view.addGrowth(this, ORIG, BYTES[ORIG], sums, up);
      if (view.has(BYTES[REPLY])) view.addGrowth(this, REPLY, BYTES[REPLY], sums, down);
      return;
    }
    view.addOne(sums, fresh);
    if (view.has(BYTES[ORIG])) view.addNumber(sums, up, BYTES[ORIG]);
    if (view.has(BYTES[REPLY])) view.addNumber(sums, down, BYTES[REPLY]);
  }

  /** Whether a flow that note() has not seen yet in this pass has sent too little in a direction: no more than `least`. */
  isBelow(view: FlowView, direction: "up" | "down"): boolean {
    const which = direction === "up" ? ORIG : REPLY;
    if (!view.has(BYTES[which])) return true;
    return view.has(ID) && view.grewLittle(this, ID, which, BYTES[which]);
  }

  // What the view does with it.

  reserve(): void {
    const used = Math.max(this.#memory[MEMORY.USED]! + RESERVE, this.#expected);
    if (10 * used > MOST_USED * this.#memory[MEMORY.CAPACITY]!) this.#makeRoom();
  }

  recall(id: number): boolean {
    let at = this.#find(id);
    const isNew = at < 0;
    if (at < 0) {
      at = this.#roomFor(id);
      if (this.#memory[at + PLACE.SEEN] === 0) {
        if (10 * this.#memory[MEMORY.USED]! >= MOST_USED * this.#memory[MEMORY.CAPACITY]!) {
          this.#makeRoom();
          this.#settle();
          return this.recall(id);
        }
        this.#memory[MEMORY.USED]!++;
      }
      this.#memory[at + PLACE.ID] = id;
      this.#memory.fill(0, at + PLACE.COUNTERS, at + PLACE_WORDS);
    }
    this.#memory[at + PLACE.SEEN] = this.#memory[MEMORY.PASS]!;
    this.#at = at;
    return isNew;
  }

  grow(which: 0 | 1, value: number): number {
    const counter = this.#at + PLACE.COUNTERS + 2 * which;
    const growth = this.#growth(counter, value);
    this.#memory[counter + LOW] = value >>> 0;
    this.#memory[counter + HIGH] = Math.floor(value / WORD);
    if (which === ORIG) this.up = growth;
    else this.down = growth;
    return growth;
  }

  grewLittle(id: number, which: 0 | 1, value: number): boolean {
    const at = this.#find(id);
    return (at < 0 ? value : this.#growth(at + PLACE.COUNTERS + 2 * which, value)) <= this.least;
  }

  /** Counters that went down were set to zero since. */
  #growth(counter: number, value: number): number {
    const before = this.#memory[counter + HIGH]! * WORD + this.#memory[counter + LOW]!;
    return value >= before ? value - before : value;
  }

  /** Whether a flow that a pass saw last is remembered: the last complete one did, or one since. */
  #isKept(seen: number): boolean {
    return seen !== 0 && seen >= this.#memory[MEMORY.OLDEST]!;
  }

  /** Where the place of a flow begins that is remembered, or -1. */
  #find(id: number): number {
    this.#settle();
    const memory = this.#memory;
    for (let at = this.#firstPlace(id); ; at = this.#nextPlace(at)) {
      const seen = memory[at + PLACE.SEEN]!;
      if (seen === 0) return -1;
      if (memory[at + PLACE.ID] === id && this.#isKept(seen)) return at;
    }
  }

  /** The first place that is free or forgotten, for a flow that is not remembered. */
  #roomFor(id: number): number {
    for (let at = this.#firstPlace(id); ; at = this.#nextPlace(at)) {
      if (!this.#isKept(this.#memory[at + PLACE.SEEN]!)) return at;
    }
  }

  #firstPlace(id: number): number {
    const hash = Math.imul(id, 0x9e3779b1);
    return MEMORY_WORDS + PLACE_WORDS * ((hash ^ (hash >>> 15)) & (this.#memory[MEMORY.CAPACITY]! - 1));
  }

  #nextPlace(at: number): number {
    const next = at + PLACE_WORDS;
    return next === this.#memory.length ? MEMORY_WORDS : next;
  }

  /** Has what is forgotten be dropped, in twice the room where that is not enough. The next run settles the flows, else we do. */
  #makeRoom(): void {
    const old = this.#memory;
    const before = old[MEMORY.CAPACITY]!;
    const settled = old[MEMORY.SETTLED]!;
    const isTight = 10 * settled > MOST_SETTLED * before || 10 * (settled + 2 * RESERVE) > MOST_USED * before;
    let capacity = isTight ? 2 * before : before;
    while (10 * this.#expected > MOST_USED * capacity) capacity *= 2;
    if (capacity > before) {
      this.#memory = memoryOf(capacity);
      this.#memory.set(old);
      this.#memory[MEMORY.CAPACITY] = capacity;
    }
    this.#memory[MEMORY.UNSETTLED] = before;
  }

  /** Drops what is forgotten of the first places, and moves what is remembered there to where it belongs. */
  #settle(): void {
    const memory = this.#memory;
    const end = MEMORY_WORDS + PLACE_WORDS * memory[MEMORY.UNSETTLED]!;
    if (end === MEMORY_WORDS) return;
    let kept = 0;
    for (let at = MEMORY_WORDS + PLACE.SEEN; at < end; at += PLACE_WORDS) {
      const isKept = this.#isKept(memory[at]!);
      memory[at] = isKept ? memory[at]! | LOOSE : 0;
      if (isKept) kept++;
    }
    for (let from = MEMORY_WORDS; from < end; from += PLACE_WORDS) {
      if ((memory[from + PLACE.SEEN]! & LOOSE) === 0) continue;
      let flow = memory.slice(from, from + PLACE_WORDS);
      memory[from + PLACE.SEEN] = 0;
      // Each takes a place that is free, or that of a loose flow, which goes on.
      while (flow[PLACE.SEEN] !== 0) {
        flow[PLACE.SEEN]! &= ~LOOSE;
        let at = this.#firstPlace(flow[PLACE.ID]!);
        while (memory[at + PLACE.SEEN] !== 0 && (memory[at + PLACE.SEEN]! & LOOSE) === 0) at = this.#nextPlace(at);
        const next = memory.slice(at, at + PLACE_WORDS);
        memory.set(flow, at);
        flow = next;
      }
    }
    memory[MEMORY.USED] = memory[MEMORY.SETTLED] = kept;
    memory[MEMORY.UNSETTLED] = 0;
  }
}

function memoryOf(capacity: number): Uint32Array {
  const memory = new Uint32Array(MEMORY_WORDS + PLACE_WORDS * capacity);
  memory[MEMORY.CAPACITY] = capacity;
  memory[MEMORY.PASS] = memory[MEMORY.OLDEST] = 1;
  return memory;
}
