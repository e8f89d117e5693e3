/** The table of dying entries: those whose DESTROY event a listener could not take. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Socket } from "../../src/netlink/backend/socket.js";
import { agree } from "../support/agree.js";
import { backend, ours } from "../support/command.js";
import { sysctl } from "../support/lab.js";
import { noReference, reference } from "../support/reference.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";
import { until } from "../support/wait.js";

// linux/socket.h and linux/netlink.h
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_BROADCAST_ERROR = 4;
/** linux/netfilter/nfnetlink_compat.h */
const NFNLGRP_CONNTRACK_DESTROY = 3;

const FLOWS = Array.from(
  { length: 40 },
  (_, index) => `-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport ${index + 1} --dport 9 -t 3000`,
);

describe("dying entries", { skip: noReference }, () => {
  let deaf: Socket;
  before(async () => {
    sysctl("net/netfilter/nf_conntrack_events", 1);
    const socket = backend.open();
    if (typeof socket === "number") throw new Error(backend.strerror(-socket));
    deaf = socket;
    assert.equal(deaf.setOption(SOL_NETLINK, NETLINK_BROADCAST_ERROR, 1), 0);
    assert.equal(deaf.setOption(SOL_SOCKET, SO_RCVBUF, 1), 0);
    assert.equal(deaf.setOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_CONNTRACK_DESTROY), 0);
    await loadTable([...FLOWS, "-I -s fd::1 -d fd::2 -p tcp --sport 1 --dport 2 --state ESTABLISHED -t 3000"]);
    assert.equal(reference(["-F"]).status, 0);
  });
  after(() => deaf?.close());

  it("shows them apart from the living", async () => {
    const { stdout } = await ours(["-L", "dying"]);
    assert.ok(lines(stdout).length >= 30, `${lines(stdout).length} of 41 entries`);
    assert.match(stdout, /^udp {6}17 \d+ src=1\.1\.1\.1 dst=2\.2\.2\.2 sport=\d+ dport=9 \[UNREPLIED\] /m);
    assert.equal((await ours(["-L"])).stdout, "");
  });

  for (const words of [
    "-L dying",
    "-L dy",
    "-L dying -p tcp -o save",
    "-L dying -p udp --sport 7",
    "-L dying -f ipv6",
    "-L dying -f ipv4",
    "-L dying -o xml -s 1.1.1.1",
    "-L dying -o extended,id",
    "-L dying -z -f ipv6",
    "-L dying -u ASSURED",
    "-L unconfirmed",
    "-D dying",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("are filtered by network too, which the reference does not do", async () => {
    const all = await ours(["-L", "dying", "-f", "ipv4"]);
    assert.equal((await ours(["-L", "dying", "-s", "1.1.1.0/24"])).stdout, all.stdout);
    assert.equal((await ours(["-L", "dying", "-s", "1.1.2.0/24"])).stdout, "");
    assert.equal(reference(["-L", "dying", "-s", "1.1.1.0/24"]).stdout, "");
  });

  it("shows none when the listener is gone", async () => {
    deaf.close();
    await until("the entries are gone", async () => (await ours(["-L", "dying"])).stdout === "", 10_000);
  });
});
