/** What the fields of --group-by and --sort must be, told from a flow's JSON and nothing else. */
import type { Flow } from "../../src/library/flow.js";
import { parseAddress, prefixMask } from "../../src/system/inet.js";

const PORTS = ["tcp", "udp", "udplite", "sctp", "dccp"];

const hasPorts = (flow: Flow) => PORTS.includes(flow.protocol?.name ?? "");

/** Canonical network of an address: bytes as hexadecimal, and the length. */
export function network(address: string | undefined, length: number | undefined): string | null {
  if (address === undefined) return null;
  const bytes = parseAddress(address)!;
  const whole = 8 * bytes.length;
  const bits = length === undefined ? whole : whole === 32 ? Math.min(length, 32) : length <= 32 ? 64 : length;
  const mask = prefixMask(bits, bytes.length);
  return `${Buffer.from(bytes.map((byte, i) => byte & mask[i]!)).toString("hex")}/${bits}`;
}

/** The value of a field, an address as `network` gives it. */
export function fieldOfFlow(flow: Flow, name: string): unknown {
  const [base, text] = name.split("/");
  const length = text === undefined ? undefined : Number(text);
  switch (base) {
    case "family":
      return flow.family;
    case "protocol":
      return flow.protocol ?? null;
    case "state":
      return flow.state ?? null;
    case "src":
      return network(flow.orig.src, length);
    case "dst":
      return network(flow.orig.dst, length);
    case "reply-src":
      return network(flow.reply.src, length);
    case "reply-dst":
      return network(flow.reply.dst, length);
    case "snat":
      return network(flow.nat?.snat?.address, length);
    case "dnat":
      return network(flow.nat?.dnat?.address, length);
    case "sport":
      return hasPorts(flow) ? (flow.orig.sport ?? null) : null;
    case "dport":
      return hasPorts(flow) ? (flow.orig.dport ?? null) : null;
    case "nat":
      return ["snat", "dnat"].filter((side) => flow.nat?.[side as "snat" | "dnat"] !== undefined);
    case "mark":
      return flow.mark ?? null;
    case "zone":
      return flow.zone ?? 0;
    case "label":
      return flow.labels ?? [];
    case "helper":
      return flow.helper ?? null;
    case "status":
      return flow.status ?? null;
    default:
      throw new Error(name);
  }
}

/** A value of a group in the same form: addresses become networks. */
export function fieldOfGroup(value: unknown, name: string): unknown {
  const [base] = name.split("/");
  if (!["src", "dst", "reply-src", "reply-dst", "snat", "dnat"].includes(base!) || value === null) return value;
  const [address, length] = String(value).split("/");
  const bytes = parseAddress(address!)!;
  return `${Buffer.from(bytes).toString("hex")}/${length ?? 8 * bytes.length}`;
}
