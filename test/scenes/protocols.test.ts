/** Entries that real packets of every protocol make. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { nft, noLab, sysctl } from "../support/lab.js";
import { greV0, greV1, sctpInit, udplite } from "../support/packets.js";
import { lacks, must } from "../support/process.js";
import { noReference } from "../support/reference.js";
import { loadTable } from "../support/table.js";

/** Sends an IP payload through a raw socket. */
function sendRaw(protocol: number, destination: string, payload: Uint8Array): void {
  const { status, stderr } = spawnSync("socat", ["-u", "-", `IP4-SENDTO:${destination}:${protocol}`], {
    input: payload,
  });
  if (status !== 0) throw new Error(`socat: ${stderr}`);
}

const ENTRIES: Readonly<Record<string, RegExp>> = {
  icmp: /^icmp {5}1 \d+ src=127\.0\.0\.1 dst=127\.0\.0\.1 type=8 code=0 id=(\d+) packets=1 bytes=84 src=127\.0\.0\.1 dst=127\.0\.0\.1 type=0 code=0 id=\1 packets=1 bytes=84 mark=0 use=1\n$/,
  icmpv6:
    /^icmpv6 {3}58 \d+ src=::1 dst=::1 type=128 code=0 id=(\d+) packets=1 bytes=104 src=::1 dst=::1 type=129 code=0 id=\1 packets=1 bytes=104 mark=0 use=1\n$/,
  udplite:
    /^udplite {2}136 \d+ src=127\.0\.0\.1 dst=127\.0\.0\.2 sport=1111 dport=9 packets=1 bytes=29 \[UNREPLIED\] src=127\.0\.0\.2 dst=127\.0\.0\.1 sport=9 dport=1111 packets=0 bytes=0 mark=0 use=1\n$/,
  sctp: /^sctp {5}132 \d+ CLOSED src=127\.0\.0\.1 dst=127\.0\.0\.2 sport=5000 dport=6000 packets=1 bytes=52 \[UNREPLIED\] src=127\.0\.0\.2 dst=127\.0\.0\.1 sport=6000 dport=5000 packets=0 bytes=0 mark=0 use=1\n$/,
  "99": /^unknown {2}99 \d+ src=127\.0\.0\.1 dst=127\.0\.0\.2 packets=1 bytes=36 \[UNREPLIED\] src=127\.0\.0\.2 dst=127\.0\.0\.1 packets=0 bytes=0 mark=0 use=1\n$/,
};

describe("packets of every protocol", { skip: noLab || noReference || lacks("socat", "ping") }, () => {
  before(async () => {
    must("ip", "link", "set", "lo", "up");
    nft("table inet n { chain o { type filter hook output priority 0; ct state new counter; }; }");
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    must("ping", "-c1", "-q", "127.0.0.1");
    must("ping", "-6", "-c1", "-q", "::1");
    sendRaw(136, "127.0.0.2", udplite("127.0.0.1", "127.0.0.2", 1111, 9, Buffer.from("x")));
    sendRaw(47, "127.0.0.2", greV1(7));
    sendRaw(47, "127.0.0.3", greV0());
    sendRaw(132, "127.0.0.2", sctpInit(5000, 6000));
    sendRaw(50, "127.0.0.2", Buffer.alloc(16));
    sendRaw(99, "127.0.0.2", Buffer.alloc(16));
    // DCCP is not in these kernels: entries made by hand stand for it.
    await loadTable(["-I -s 1.1.1.1 -d 2.2.2.2 -p dccp --sport 1 --dport 2 --state OPEN --role client -t 1000"]);
  });

  for (const [protocol, entry] of Object.entries(ENTRIES)) {
    it(`shows ${protocol}`, async () => {
      assert.match((await agree(["-L", "-p", protocol])).stdout, entry);
    });
  }

  it("shows the keys of GRE: those of version 1, none of version 0", async () => {
    const { stdout } = await agree(["-L", "-p", "gre"]);
    assert.match(
      stdout,
      /dst=127\.0\.0\.2 srckey=0x0 dstkey=0x7 packets=1 bytes=36 \[UNREPLIED\] src=127\.0\.0\.2 dst=127\.0\.0\.1 srckey=0x7 dstkey=0x0 /,
    );
    assert.match(stdout, /dst=127\.0\.0\.3 srckey=0x0 dstkey=0x0 packets=1 bytes=44 /);
  });

  for (const words of [
    "-L",
    "-L -o save",
    "-L -o xml",
    "-L -o extended,id",
    "-L -p dccp",
    "-L -p esp",
    "-L -p 50 -o save",
    "-L -p sctp -o save",
    "-L -p sctp -o xml",
    "-L -p sctp --state CLOSED",
    "-L -p sctp --state ESTABLISHED",
    "-L -p icmp --icmp-type 8 --icmp-code 0",
    "-L -p icmpv6 --icmpv6-type 128",
    "-L -p udplite --dport 9",
    "-L -f ipv6",
    "-C",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("shows SCTP's verification tags as -o save has them: byte-swapped", async () => {
    assert.match(
      (await agree(["-L", "-p", "sctp", "-o", "save"])).stdout,
      / --state CLOSED --orig-vtag 0 --reply-vtag 67305985\n$/,
    );
  });
});
