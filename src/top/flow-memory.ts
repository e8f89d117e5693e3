/**
 * What each flow had counted at the last full pass, by the kernel's id of it. Two flows with the same id (a 32-bit hash: some
 * hundred of a million) disturb each other's rates and nothing else.
 *
 * Open addressing in typed arrays: 21 bytes a place, of which 35 to 70 % are in use.
 */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { FlowView } from "../ctnetlink/view.js";

const FIRST_CAPACITY = 1024;
const WORD = 0x100000000;
const MOST_USED = 0.7;
/** Passes are numbered 1 … 255 and again from 1; 0 is a free place. */
const PASSES = 255;

const ORIG_BYTES = S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES;
const REPLY_BYTES = S.COUNTERS_REPLY + C.CTA_COUNTERS_BYTES;

/** The bytes of a direction, 0 where the flow has no counters. */
function bytesOf(view: FlowView, slot: number): number {
  return view.has(slot) ? view.u32(slot) * WORD + view.u32Low(slot) : 0;
}

export class FlowMemory {
  /** Of the flow that was noted last: the bytes of each direction since the last pass; all of them for a flow that is new. */
  up = 0;
  down = 0;
  /** All that it has counted. */
  orig = 0;
  reply = 0;
  /** Whether the last pass did not have it. */
  isNew = false;

  #ids = new Uint32Array(FIRST_CAPACITY);
  /** The pass that saw the flow last. */
  #seen = new Uint8Array(FIRST_CAPACITY);
  #origBytes = new Float64Array(FIRST_CAPACITY);
  #replyBytes = new Float64Array(FIRST_CAPACITY);
  /** Places that are not free. */
  #used = 0;
  #pass = 1;
  /** How many passes ago the last one was that came to its end. */
  #span = 0;

  /** Begins a pass. */
  begin(): void {
    this.#pass = (this.#pass % PASSES) + 1;
    this.#span = Math.min(this.#span + 1, PASSES - 1);
  }

  /** The pass has come to its end: flows that it has not seen are forgotten. After one that was broken off they are not. */
  end(): void {
    this.#span = 0;
  }

  /** Notes what a flow has counted, and sets `up`, `down` and `isNew`. A flow without an id counts as new every time. */
  note(view: FlowView): void {
    const orig = bytesOf(view, ORIG_BYTES);
    const reply = bytesOf(view, REPLY_BYTES);
    this.orig = orig;
    this.reply = reply;
    this.up = orig;
    this.down = reply;
    this.isNew = true;
    if (!view.has(S.TOP + C.CTA_ID)) return;
    const id = view.u32(S.TOP + C.CTA_ID);
    const place = this.#find(id);
    if (this.#isKept(this.#seen[place]!)) {
      this.isNew = false;
      // Counters that went down were set to zero since.
      const [before, replyBefore] = [this.#origBytes[place]!, this.#replyBytes[place]!];
      if (orig >= before) this.up = orig - before;
      if (reply >= replyBefore) this.down = reply - replyBefore;
    } else if (this.#seen[place] === 0) {
      if (this.#used + 1 > MOST_USED * this.#ids.length) {
        this.#rebuild();
        this.note(view);
        return;
      }
      this.#used++;
    }
    this.#ids[place] = id;
    this.#seen[place] = this.#pass;
    this.#origBytes[place] = orig;
    this.#replyBytes[place] = reply;
  }

  /** Whether a flow that this pass saw last is remembered: the last complete one did, or one since. */
  #isKept(seen: number): boolean {
    return seen !== 0 && (this.#pass - seen + PASSES) % PASSES <= this.#span;
  }

  /** The place of an id, or the free one where it would go. */
  #find(id: number): number {
    const mask = this.#ids.length - 1;
    let place = (Math.imul(id, 0x9e3779b1) >>> 8) & mask;
    while (this.#seen[place] !== 0 && this.#ids[place] !== id) place = (place + 1) & mask;
    return place;
  }

  /** Drops what is forgotten, and makes room. */
  #rebuild(): void {
    let alive = 0;
    for (let place = 0; place < this.#ids.length; place++) if (this.#isKept(this.#seen[place]!)) alive++;
    let capacity = FIRST_CAPACITY;
    while (alive + 1 > (MOST_USED / 1.4) * capacity) capacity *= 2;
    const [ids, seen, orig, reply] = [this.#ids, this.#seen, this.#origBytes, this.#replyBytes];
    this.#ids = new Uint32Array(capacity);
    this.#seen = new Uint8Array(capacity);
    this.#origBytes = new Float64Array(capacity);
    this.#replyBytes = new Float64Array(capacity);
    this.#used = alive;
    for (let from = 0; from < ids.length; from++) {
      const last = seen[from]!;
      if (!this.#isKept(last)) continue;
      const place = this.#find(ids[from]!);
      this.#ids[place] = ids[from]!;
      this.#seen[place] = last;
      this.#origBytes[place] = orig[from]!;
      this.#replyBytes[place] = reply[from]!;
    }
  }
}
