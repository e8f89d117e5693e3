/**
 * An entry out of a line of text: the default and the extended format of `conntrack -L`, with whatever -o added to it, and
 * /proc/net/nf_conntrack, which is nearly the same.
 */
import * as C from "../ctnetlink/constants.js";
import { labelBytes } from "../ctnetlink/labels.js";
import { protocolByNumber } from "../protocol/protocols.js";
import type { TupleField } from "../protocol/tuples.js";
import { U32_MAX } from "../system/numbers.js";
import type { LineContext } from "./context.js";
import { LineError, unreadable } from "./errors.js";
import { emptyFlow, fieldsOf, natStatus, type SavedFlow, type SavedTuple } from "./flow.js";
import { readAddress, readCounter, readCtime, readKey, readNumber } from "./values.js";

const NS_PER_SECOND = 1_000_000_000n;
const FAMILIES: Readonly<Record<string, number>> = { ipv4: C.AF_INET, ipv6: C.AF_INET6 };
const EVENT = /^\[(?:NEW|UPDATE|DESTROY)\]|^\[\d+\.\d{6}\]\t/;
/** What --all-netns puts in front. */
const NAMESPACE = /^\[[^\]]*\] /;
const LABELS = " labels=";

export function readTextLine(line: string, context: LineContext): SavedFlow {
  return new TextLine(line, context).read();
}

class TextLine {
  readonly #line: string;
  readonly #words: string[];
  readonly #context: LineContext;
  readonly #flow = emptyFlow();
  #fields: readonly TupleField[] = [];
  /** The next word. */
  #at = 0;
  /** Seconds; with a start the age says when the dump was made. */
  #age: number | undefined;

  constructor(line: string, context: LineContext) {
    const trimmed = line.trim();
    if (EVENT.test(trimmed)) throw new LineError("an event, not an entry of a table");
    this.#line = trimmed.startsWith("[") ? trimmed.replace(NAMESPACE, "") : trimmed;
    // Names of labels may hold blanks: they are the rest of the line.
    const labels = this.#line.indexOf(LABELS);
    this.#words = (labels < 0 ? this.#line : this.#line.slice(0, labels)).split(" ");
    this.#context = context;
    if (labels >= 0) this.#flow.labels = this.#labels(this.#line.slice(labels + LABELS.length));
  }

  read(): SavedFlow {
    const flow = this.#flow;
    this.#protocol();
    this.#fields = fieldsOf(flow.protonum);
    this.#tuple(flow.orig);
    let status = C.IPS_CONFIRMED | C.IPS_SEEN_REPLY;
    if (this.#peek() === "[UNREPLIED]") {
      status &= ~C.IPS_SEEN_REPLY;
      this.#at++;
    }
    this.#tuple(flow.reply);
    flow.status = status | this.#rest() | natStatus(flow);
    flow.family = flow.orig.src?.length === 16 ? C.AF_INET6 : C.AF_INET;
    return flow;
  }

  /** The next word that is not empty: columns are padded with blanks. */
  #peek(): string | undefined {
    while (this.#words[this.#at] === "") this.#at++;
    return this.#words[this.#at];
  }

  #next(): string {
    const word = this.#peek();
    if (word === undefined) throw new LineError("the line is too short");
    this.#at++;
    return word;
  }

  /** Layer 3 where the line has it, layer 4, the timeout and the state. */
  #protocol(): void {
    const flow = this.#flow;
    let name = this.#next();
    const family = FAMILIES[name];
    if (family !== undefined) {
      const number = this.#next();
      if (number !== String(family)) throw unreadable(number);
      name = this.#next();
    }
    const number = this.#next();
    flow.protonum = readNumber(number, 255);
    const row = protocolByNumber(flow.protonum);
    if (name !== (row?.name ?? "unknown") && name !== "unknown") throw unreadable(`${name} ${number}`);
    let word = this.#peek() ?? "";
    if (word.startsWith("src=")) return;
    const digit = word.charCodeAt(0);
    if (digit >= 0x30 && digit <= 0x39) {
      flow.timeoutSeconds = readNumber(word, U32_MAX);
      this.#at++;
      // /proc shows the timeouts of a GRE tunnel, which netlink does not send.
      while ((word = this.#peek() ?? "").includes("timeout=")) this.#at++;
      if (word.startsWith("src=")) return;
    }
    const state = row?.protoinfo?.states.indexOf(word) ?? -1;
    if (state < 0) throw unreadable(word);
    flow.state = state;
    this.#at++;
  }

  /** The value of the next word if it is NAME=VALUE, else undefined. `name` ends in the equals sign. */
  #value(name: string): string | undefined {
    const word = this.#peek();
    if (word === undefined || !word.startsWith(name)) return undefined;
    this.#at++;
    return word.slice(name.length);
  }

  #needed(name: string): string {
    const value = this.#value(name);
    if (value !== undefined) return value;
    throw new LineError(`no \`${name}' where it should be`);
  }

  #tuple(tuple: SavedTuple): void {
    tuple.src = readAddress(this.#needed("src="));
    tuple.dst = readAddress(this.#needed("dst="));
    for (const { name, bytes } of this.#fields) {
      const text = this.#needed(`${name}=`);
      const key = name === "srckey" || name === "dstkey";
      tuple.fields.push(key ? readKey(text) : readNumber(text, bytes === 1 ? 0xff : 0xffff));
    }
    const zone = this.#value(tuple === this.#flow.orig ? "zone-orig=" : "zone-reply=");
    if (zone !== undefined) tuple.zone = readNumber(zone, 0xffff);
    const packets = this.#value("packets=");
    if (packets === undefined) return;
    tuple.packets = readCounter(packets);
    tuple.bytes = readCounter(this.#needed("bytes="));
  }

  /** All behind the tuples. Returns the status bits that it shows. */
  #rest(): number {
    const flow = this.#flow;
    let status = 0;
    for (let word = this.#peek(); word !== undefined; word = this.#peek()) {
      this.#at++;
      const equals = word.indexOf("=");
      const value = word.slice(equals + 1);
      switch (equals < 0 ? word : word.slice(0, equals)) {
        case "[ASSURED]":
          status |= C.IPS_ASSURED;
          break;
        case "[OFFLOAD]":
          status |= C.IPS_OFFLOAD;
          break;
        case "[HW_OFFLOAD]":
          status |= C.IPS_OFFLOAD | C.IPS_HW_OFFLOAD;
          break;
        case "mark":
          flow.mark = readNumber(value, U32_MAX);
          break;
        case "secmark":
          flow.secmark = readNumber(value, U32_MAX);
          break;
        case "secctx":
          flow.secctx = value;
          break;
        case "zone":
          flow.zone = readNumber(value, 0xffff);
          break;
        case "delta-time":
          this.#begunBefore(readNumber(value, U32_MAX));
          break;
        case "[start":
          this.#begunAt(this.#time("start"));
          break;
        case "[stop":
          flow.stopNs = BigInt(this.#time("stop")) * NS_PER_SECOND;
          break;
        case "helper":
          flow.helper = value;
          break;
        case "use":
          flow.use = readNumber(value, U32_MAX);
          break;
        case "id":
          flow.id = readNumber(value, U32_MAX);
          break;
        case "labels":
          // Labels without names: the word alone.
          flow.labels ??= labelBytes([]);
          break;
        default:
          throw unreadable(word);
      }
    }
    return status;
  }

  #begunBefore(seconds: number): void {
    this.#age = seconds;
    const now = Math.floor(this.#context.nowMicroseconds() / 1e6);
    this.#flow.startNs = BigInt(now - seconds) * NS_PER_SECOND;
  }

  #begunAt(seconds: number): void {
    this.#flow.startNs = BigInt(seconds) * NS_PER_SECOND;
    if (this.#age !== undefined) this.#context.setNow((seconds + this.#age) * 1e6);
  }

  /** The seconds since 1970 in `[NAME=…]`, whose words are the next up to the bracket. */
  #time(name: string): number {
    const found = new RegExp(`\\[${name}=([^\\]]*)\\]`).exec(this.#line)?.[1];
    if (found === undefined) throw unreadable(`[${name}=`);
    while (!this.#words[this.#at - 1]!.endsWith("]")) this.#at++;
    return readCtime(found, this.#context.localTime);
  }

  #labels(names: string): Uint8Array {
    const map = this.#context.labelMap();
    const bits = names.split(",").map((name) => {
      const bit = map?.bits.get(name.trimEnd());
      if (bit === undefined) throw new LineError(`unknown label \`${name}': name a map with --labelmap`);
      return bit;
    });
    return labelBytes(bits);
  }
}
