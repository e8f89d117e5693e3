/**
 * A table saved by `-L -o save` and loaded by `-R`: every attribute that the kernel has of its entries, before and after.
 *
 * What save does not carry, as found out here (for docs/compatibility.md):
 *  - the mark and the labels
 *  - of an entry whose source and destination are both translated: the translated ports. Neither -r nor -q is written then,
 *    and without them the reference, too, looks at neither --reply-port-src nor --reply-port-dst
 *  - the helper
 *  - counters, the time of creation, the kernel's own id
 *  - of TCP: window scaling and flags. -R gives each entry SACK_PERM and BE_LIBERAL, so that its packets pass all the same
 *  - status bits that the kernel sets for itself: HELPER, and SRC_NAT_DONE and DST_NAT_DONE of what is not translated
 *  - what sequence numbers a helper or a SYN proxy had shifted (the kernel sends zeroes of the latter for what -R made)
 * And what it writes but -R cannot load, with the reference as with ours:
 *  - entries that were expected: for `-u EXPECTED` the kernel answers EBUSY, and -R stops there
 *  - DCCP where the kernel does not track it: `-p dccp` alone, without ports and state
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import * as C from "../../src/ctnetlink/constants.js";
import { encodeFlowDump } from "../../src/ctnetlink/encode.js";
import { align4, attrLength, attrType } from "../../src/netlink/attributes.js";
import { openConnection } from "../../src/netlink/connection.js";
import { NLA_HDRLEN, NLMSG_HDRLEN } from "../../src/netlink/constants.js";
import { TABLE } from "../differential/table.js";
import { backend, freshNetwork, ours } from "../support/command.js";
import { CLIENT, type Lab, lab, nft, noLab, ROUTER, SERVER, sysctl } from "../support/lab.js";
import { lines } from "../support/text.js";

const NFGENMSG_LENGTH = 4;
const NLA_F_NESTED = 0x8000;

/** An entry: the payload of every attribute, by the types that lead to it ("1.2.3"). */
type Entry = Map<string, string>;

function attributes(bytes: Buffer, start: number, end: number, path: string, found: Entry): Entry {
  for (let at = start; at < end; at += align4(attrLength(bytes, at, end))) {
    const length = attrLength(bytes, at, end);
    const name = `${path}${attrType(bytes, at)}`;
    if (bytes.readUInt16LE(at + 2) & NLA_F_NESTED) attributes(bytes, at + NLA_HDRLEN, at + length, `${name}.`, found);
    else found.set(name, bytes.toString("hex", at + NLA_HDRLEN, at + length));
  }
  return found;
}

/** What the kernel has, by family, original tuple and zones, which every entry has for itself. */
function entries(): Map<string, Entry> {
  const all = new Map<string, Entry>();
  openConnection(backend).dump(
    (writer) => encodeFlowDump(writer, C.CT_GET, { family: C.AF_UNSPEC }),
    (buffer, start, end) => {
      const bytes = Buffer.from(buffer.slice(start, end));
      const entry = attributes(bytes, NLMSG_HDRLEN + NFGENMSG_LENGTH, bytes.length, "", new Map());
      const own = [...entry].filter(([name]) => name.startsWith("1.") || name === String(C.CTA_ZONE) || name === "2.3");
      all.set(own.map(([name, value]) => `${name}=${value}`).join(" "), entry);
    },
  );
  return all;
}

/** Attributes of which no two entries have the same, or which pass with time. */
const OWN = new Set([C.CTA_ID, C.CTA_USE, C.CTA_TIMESTAMP, C.CTA_TIMESTAMP_EVENT].map(String));

interface Changes {
  /** The names of attributes that are not as they were, with the entries that this concerns. */
  byName: Map<string, string[]>;
  /** Status bits that any entry has lost or won. */
  status: number;
  /** Lines that the kernel would not take. */
  refused: string[];
}

function compare(before: Map<string, Entry>, after: Map<string, Entry>): Omit<Changes, "refused"> {
  const byName = new Map<string, string[]>();
  let status = 0;
  const note = (name: string, key: string) => byName.set(name, [...(byName.get(name) ?? []), key]);
  for (const [key, old] of before) {
    const fresh = after.get(key);
    if (fresh === undefined) note("gone", key);
    else {
      for (const name of new Set([...old.keys(), ...fresh.keys()])) {
        if (OWN.has(name.split(".")[0]!)) continue;
        const [was, is] = [old.get(name), fresh.get(name)];
        if (was === is) continue;
        const [old32, fresh32] = [Number.parseInt(was ?? "0", 16), Number.parseInt(is ?? "0", 16)];
        if (name === String(C.CTA_STATUS)) status |= old32 ^ fresh32;
        else if (name !== String(C.CTA_TIMEOUT) || Math.abs(old32 - fresh32) > 20) note(name, key);
      }
    }
  }
  for (const key of after.keys()) if (!before.has(key)) note("new", key);
  return { byName, status };
}

/** Saves the table, empties it, and loads it. */
async function roundTrip(): Promise<Changes> {
  const old = entries();
  const saved = lines((await ours(["-L", "-o", "save"])).stdout);
  assert.equal(saved.length, old.size);
  assert.equal((await ours(["-F"])).status, 0);
  assert.equal(entries().size, 0);
  const loadable = saved.filter((line) => !line.includes("EXPECTED"));
  assert.deepEqual(await ours(["-R", "-"], `${loadable.join("\n")}\n`), { status: 0, stdout: "", stderr: "" });
  return { ...compare(old, entries()), refused: saved.filter((line) => line.includes("EXPECTED")) };
}

/** Names of attributes. */
const MARK = String(C.CTA_MARK);
const REPLY_SPORT = `${C.CTA_TUPLE_REPLY}.${C.CTA_TUPLE_PROTO}.${C.CTA_PROTO_SRC_PORT}`;
const REPLY_DPORT = `${C.CTA_TUPLE_REPLY}.${C.CTA_TUPLE_PROTO}.${C.CTA_PROTO_DST_PORT}`;

for (const nat of [false, true]) {
  describe(`a table of everything, ${nat ? "with" : "without"} a NAT rule`, { skip: nat && noLab }, () => {
    let changed: Changes;
    before(async () => {
      freshNetwork();
      if (nat) nft("table inet n { chain pre { type nat hook prerouting priority dstnat; }; }");
      // DCCP, which kernels do not track any more, is saved without its ports.
      const table = TABLE.filter((line) => !line.includes("-p dccp"));
      assert.deepEqual((await ours(["-R", "-"], `${table.join("\n")}\n`)).stderr, "");
      assert.equal(entries().size, table.length);
      changed = await roundTrip();
    });

    it("is there again but for marks and the ports of what is translated both ways", () => {
      const names = [MARK, REPLY_SPORT];
      assert.deepEqual([...changed.byName.keys()].sort(), names.sort());
      assert.equal(changed.byName.get(MARK)!.length, TABLE.filter((line) => / -m (?!0$)/.test(line)).length);
      const both = TABLE.filter((line) => /--src-nat .*--dst-nat /.test(line));
      assert.equal(changed.byName.get(REPLY_SPORT)!.length, both.length);
      assert.equal(changed.status, 0);
    });
  });
}

const RULES = `table inet n {
  ct helper ftp { type "ftp" protocol tcp; }
  chain helpers { type filter hook prerouting priority filter;
    tcp dport 21 ct helper set "ftp"
    udp dport 53 ct label set 10
    udp dport 53 ct mark set 7
  }
  chain pre { type nat hook prerouting priority dstnat;
    ip daddr ${ROUTER} tcp dport 8080 dnat ip to ${SERVER}:80
  }
  chain post { type nat hook postrouting priority srcnat;
    ip saddr ${CLIENT} tcp dport 80 masquerade to :7000-7010
  }
}`;

describe("a table of real traffic", { skip: noLab }, () => {
  let scene: Lab;
  let changed: Changes;
  before(async () => {
    freshNetwork();
    scene = await lab();
    nft(RULES);
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    sysctl("net/netfilter/nf_conntrack_timestamp", 1);
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: SERVER, port: 80 });
    await server.ask("tcpEcho", { host: SERVER, port: 81 });
    await server.ask("udpEcho", { host: SERVER, port: 53 });
    await server.ask("ftp", { host: SERVER, port: 21 });
    await client.ask("accept", { host: CLIENT, port: 4000 });
    for (const [name, host, port, localPort] of [
      ["plain", SERVER, 81, 5001],
      ["translated", ROUTER, 8080, 5002],
    ] as const) {
      await client.ask("connect", { name, host, port, localPort });
      await client.ask("say", { name, text: "hi", answer: "hi" });
    }
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5003, text: "hi", answer: true });
    await client.ask("connect", { name: "control", host: SERVER, port: 21, localPort: 5004 });
    await client.ask("say", { name: "control", text: "USER x\r\n", answer: "200 fine" });
    await client.ask("say", { name: "control", text: "PORT 10,0,1,2,15,160\r\n", answer: "200 fine" });
    await server.ask("connect", { name: "data", host: CLIENT, port: 4000, localPort: 20 });
    // A late acknowledgement between -F and -R would make its flow anew, and the kernel translates none that is there.
    await setTimeout(500);
    changed = await roundTrip();
  });
  after(() => scene?.close());

  it("is there again but for what save has no word for", () => {
    const own = (...names: readonly (string | number)[]) => names.map(String);
    const lost = [
      ...own(MARK, C.CTA_LABELS),
      ...[C.CTA_COUNTERS_ORIG, C.CTA_COUNTERS_REPLY].flatMap((type) => own(`${type}.1`, `${type}.2`)),
      ...[
        C.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
        C.CTA_PROTOINFO_TCP_WSCALE_REPLY,
        C.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL,
        C.CTA_PROTOINFO_TCP_FLAGS_REPLY,
      ].map((type) => `${C.CTA_PROTOINFO}.${C.CTA_PROTOINFO_TCP}.${type}`),
      REPLY_SPORT,
      REPLY_DPORT,
    ];
    // What may or may not change: the timeout ticks, and a packet that comes between -F and -R makes its flow, helper and all.
    const perhaps = own(C.CTA_TIMEOUT, `${C.CTA_HELP}.1`);
    const names = [...changed.byName.keys()].filter(
      (name) => !name.startsWith(`${C.CTA_SYNPROXY}.`) && !perhaps.includes(name),
    );
    assert.deepEqual(names.sort(), ["gone", ...lost].sort());
    assert.equal(changed.byName.get("gone")!.length, 1);
    assert.equal(changed.byName.get(REPLY_SPORT)!.length, 1);
    assert.equal(changed.status & ~(C.IPS_SRC_NAT_DONE | C.IPS_DST_NAT_DONE | C.IPS_HELPER), 0);
  });

  it("does not let an expected entry be made", async () => {
    const [line] = changed.refused;
    assert.match(line!, /^-A -t \d+ -u EXPECTED,SEEN_REPLY(,ASSURED)? -s 10\.0\.2\.2 /);
    assert.equal(changed.refused.length, 1);
    const { status, stderr } = await ours(["-R", "-"], line);
    assert.match(stderr, /: Operation failed: Device or resource busy\n.*: line 1 of standard input\n$/);
    assert.equal(status, 1);
  });

  it("lets the connections go on", async () => {
    await scene.client.ask("say", { name: "plain", text: "still here", answer: "still here" });
    assert.match((await ours(["-L", "-p", "tcp", "--dport", "81"])).stdout, / ESTABLISHED .*packets=[1-9]/);
  });
});
