/**
 * The mixed table that the bench measures with. Of ten flows six are TCP and three UDP over IPv4, and one is IPv6, TCP and
 * UDP in turn; flow number `i` is always the same, and no two have an address in common. None expires during a bench.
 */
import * as C from "../src/ctnetlink/constants.js";
import { encodeChanges, encodePlain, encodeTuple } from "../src/ctnetlink/encode.js";
import { decodeOccupancy } from "../src/ctnetlink/stats.js";
import { napiBackend } from "../src/netlink/backend/napi.js";
import { MAX_BATCH_MESSAGES, openConnection } from "../src/netlink/connection.js";
import { NLM_F_CREATE, NLM_F_EXCL } from "../src/netlink/constants.js";
import { MessageWriter } from "../src/netlink/message.js";
import { protoinfoToSend } from "../src/protocol/state.js";

const SERVER_V4 = Uint8Array.of(192, 0, 2, 1);
const SERVER_V6 = Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

const DAY_SECONDS = 86_400;

/** enum tcp_conntrack. */
const SYN_SENT = { state: 1, status: C.IPS_CONFIRMED };
const ESTABLISHED = { state: 3, status: C.IPS_CONFIRMED | C.IPS_SEEN_REPLY | C.IPS_ASSURED };
const TIME_WAIT = { state: 7, status: C.IPS_CONFIRMED | C.IPS_SEEN_REPLY | C.IPS_ASSURED };

function isV6(i: number): boolean {
  return i % 10 === 9;
}

/** The client of flow `i`: 10.0.0.0/8, or within 2001:db8::/96. */
function client(i: number): Uint8Array {
  const number = [i >>> 16, (i >>> 8) & 255, i & 255];
  return isV6(i)
    ? Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, ...new Array(9).fill(0), ...number)
    : Uint8Array.of(10, ...number);
}

/** Writes the request that creates flow `i`. */
export function encodeFlow(writer: MessageWriter, i: number): void {
  const v6 = isV6(i);
  const tcp = v6 ? i % 20 === 9 : i % 10 < 6;
  const src = client(i);
  const dst = v6 ? SERVER_V6 : SERVER_V4;
  const protonum = tcp ? C.IPPROTO_TCP : C.IPPROTO_UDP;
  const sport = 1024 + ((i * 7919) % 64_000);
  const dport = tcp ? 443 : 53;
  writer.begin(C.CT_NEW, NLM_F_CREATE | NLM_F_EXCL, 0, v6 ? C.AF_INET6 : C.AF_INET);
  encodeTuple(writer, C.CTA_TUPLE_ORIG, { src, dst, protonum, sport, dport });
  encodeTuple(writer, C.CTA_TUPLE_REPLY, { src: dst, dst: src, protonum, sport: dport, dport: sport });
  const timeoutSeconds = DAY_SECONDS + ((i * 31) % (4 * DAY_SECONDS));
  const mark = i % 7 === 0 ? 1 + (i % 1000) : 0;
  if (tcp) {
    const { status, state } = i % 5 === 1 ? TIME_WAIT : i % 5 === 2 && i % 4 === 2 ? SYN_SENT : ESTABLISHED;
    encodeChanges(writer, { status, timeoutSeconds, mark, protoinfo: protoinfoToSend(protonum, { state }) });
  } else {
    const status = i % 4 === 3 ? C.IPS_CONFIRMED : C.IPS_CONFIRMED | C.IPS_SEEN_REPLY;
    encodeChanges(writer, { status, timeoutSeconds, mark });
  }
  writer.end();
}

/** An IPv4 address that exactly one of the first `entries` flows has as its source: that of a flow in the middle. */
export function oneAddress(entries: number): string {
  return client(10 * Math.floor(entries / 20)).join(".");
}

/** The network of the same IPv4 address: some 230 of its 256 addresses are in the table. */
export function someAddresses(entries: number): string {
  return `${oneAddress(entries).replace(/\d+$/, "0")}/24`;
}

/** A network around it, of 65,536 addresses. */
export function largeNetwork(entries: number): string {
  return `${oneAddress(entries).replace(/\d+\.\d+$/, "0.0")}/16`;
}

/** An address that no flow has. */
export const NO_ADDRESS = "198.51.100.1";

/** The table of the network namespace that this process is in. */
export interface Table {
  /** How many entries it is to have for the row. */
  readonly entries: number;
  /** Creates that many. */
  fill(): void;
  flush(): void;
  /** How many there are now. */
  count(): number;
}

/** @throws KernelError where the kernel refuses a socket. */
export function openTable(entries: number): Table {
  const connection = openConnection(napiBackend());
  const writer = new MessageWriter(1 << 16);
  return {
    entries,
    fill() {
      for (let first = 0; first < entries; first += MAX_BATCH_MESSAGES) {
        writer.clear();
        const end = Math.min(entries, first + MAX_BATCH_MESSAGES);
        for (let i = first; i < end; i++) encodeFlow(writer, i);
        connection.batch(writer, end - first, (index, errno) => {
          throw new Error(`flow ${first + index} of ${entries} cannot be created: errno ${errno}`);
        });
      }
    },
    flush() {
      connection.request((request) => encodePlain(request, C.CT_DELETE, C.AF_UNSPEC));
    },
    count() {
      let entries = 0;
      connection.request(
        (request) => encodePlain(request, C.CT_GET_STATS, C.AF_UNSPEC),
        (buffer, start, end) => {
          ({ entries } = decodeOccupancy(buffer, start, end));
        },
      );
      return entries;
    },
  };
}
