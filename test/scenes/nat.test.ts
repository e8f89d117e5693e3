/** Translated flows: masquerade, DNAT, SNAT with a port range, redirect, IPv6; TCP, UDP and ICMP. */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { ours } from "../support/command.js";
import {
  CLIENT,
  CLIENT6,
  type Lab,
  lab,
  nft,
  noLab,
  ROUTER,
  ROUTER_OUT,
  ROUTER6,
  SERVER,
  SERVER6,
} from "../support/lab.js";
import { lacks } from "../support/process.js";
import { noReference } from "../support/reference.js";
import { lines } from "../support/text.js";

const RULES = `table inet n {
  chain pre { type nat hook prerouting priority dstnat;
    ip daddr ${ROUTER} tcp dport 8080 dnat ip to ${SERVER}:80
    ip6 daddr ${ROUTER6} tcp dport 8080 dnat ip6 to [${SERVER6}]:80
    ip daddr ${ROUTER} tcp dport 81 redirect to :82
  }
  chain post { type nat hook postrouting priority srcnat;
    udp dport 53 snat ip to ${ROUTER_OUT}:4000-4010
    ip saddr 10.0.1.0/24 oif rs masquerade
  }
}`;

describe("NAT", { skip: noLab || noReference }, () => {
  let scene: Lab;
  let local: Server;
  const redirected: Socket[] = [];
  before(async () => {
    scene = await lab();
    nft(RULES);
    const { client, server } = scene;
    await server.ask("tcpEcho", { host: "0.0.0.0", port: 80 });
    await server.ask("tcpEcho", { host: "::", port: 80 });
    await server.ask("udpEcho", { host: "0.0.0.0", port: 53 });
    local = createServer((socket) => {
      redirected.push(socket);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => local.listen(82, ROUTER, resolve));
    await client.ask("connect", { name: "masquerade", host: SERVER, port: 80, localPort: 5001 });
    await client.ask("connect", { name: "dnat", host: ROUTER, port: 8080, localPort: 5002 });
    await client.ask("connect", { name: "dnat6", host: ROUTER6, port: 8080, localPort: 5004 });
    await client.ask("connect", { name: "redirect", host: ROUTER, port: 81, localPort: 5005 });
    for (const name of ["masquerade", "dnat", "dnat6", "redirect"]) {
      await client.ask("say", { name, text: "hi", answer: "hi" });
    }
    await client.ask("datagram", { host: SERVER, port: 53, localPort: 5003, text: "hi", answer: true });
  });
  after(() => {
    local?.close();
    for (const socket of redirected) socket.destroy();
    scene?.close();
  });

  async function line(pattern: RegExp): Promise<string> {
    const found = lines((await agree(["-L"])).stdout).filter((one) => pattern.test(one));
    assert.equal(found.length, 1, `one line with ${pattern}`);
    return found[0]!;
  }

  it("shows the reply tuple of a masqueraded flow", async () => {
    const shown = await line(/ sport=5001 /);
    assert.match(
      shown,
      new RegExp(
        `^tcp      6 \\d+ ESTABLISHED src=${CLIENT} dst=${SERVER} sport=5001 dport=80 src=${SERVER} dst=${ROUTER_OUT} sport=80 dport=5001 \\[ASSURED\\] mark=0 use=1$`,
      ),
    );
  });

  it("shows the reply tuple of a flow whose destination is translated", async () => {
    // What goes out to the server is masqueraded as well.
    assert.match(
      await line(/ sport=5002 /),
      new RegExp(
        `src=${CLIENT} dst=${ROUTER} sport=5002 dport=8080 src=${SERVER} dst=${ROUTER_OUT} sport=80 dport=5002 `,
      ),
    );
    assert.match(
      await line(/ sport=5004 /),
      new RegExp(
        `src=${CLIENT6} dst=${ROUTER6} sport=5004 dport=8080 src=${SERVER6} dst=${CLIENT6} sport=80 dport=5004 `,
      ),
    );
  });

  it("shows the reply tuple of a redirected flow", async () => {
    assert.match(
      await line(/ sport=5005 /),
      new RegExp(`dst=${ROUTER} sport=5005 dport=81 src=${ROUTER} dst=${CLIENT} sport=82 dport=5005 `),
    );
  });

  it("shows the translated port of a UDP flow", async () => {
    assert.match(
      await line(/ sport=5003 /),
      new RegExp(
        `dst=${SERVER} sport=5003 dport=53 src=${SERVER} dst=${ROUTER_OUT} sport=53 dport=40(0\\d|10) mark=0 use=1$`,
      ),
    );
  });

  for (const words of [
    "-L -n",
    "-L -g",
    "-L -j",
    "-L -n -g",
    `-L -g ${SERVER}`,
    `-L -g ${SERVER}:80`,
    `-L -g ${SERVER}:81`,
    `-L -n ${ROUTER_OUT}`,
    `-L -n ${ROUTER_OUT} -g ${SERVER}`,
    `-L -j ${ROUTER_OUT}`,
    `-L -g ${SERVER6}`,
    `-L -g [${SERVER6}]:80`,
    `-L -n -f ipv6`,
    `-L -s ${CLIENT} -q ${ROUTER_OUT}`,
    "-L -p udp -n",
    "-L -p tcp --reply-port-src 80",
    "-L -o save",
    "-L -o save -n",
    "-L -o xml -g",
    "-L -o extended,id",
    `-G -s ${CLIENT} -d ${ROUTER} -p tcp --sport 5002 --dport 8080`,
    `-G -s ${CLIENT6} -d ${ROUTER6} -p tcp --sport 5004 --dport 8080 -o xml`,
    "-L -u SEEN_REPLY",
    "-L -u ASSURED -p udp",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("finds what is translated, both ways", async () => {
    const count = async (...argv: string[]) => lines((await ours(argv)).stdout).length;
    assert.equal(await count("-L", "-g"), 3);
    assert.equal(await count("-L", "-n"), 3);
    assert.equal(await count("-L", "-n", "-g"), 1);
    assert.equal(await count("-L", "-j"), 5);
  });

  it("does not take untranslated ICMP for translated once a NAT rule is loaded", { skip: lacks("ping") }, async () => {
    scene.client.run("ping", "-c1", "-q", ROUTER);
    assert.equal(lines((await ours(["-L", "-p", "icmp"])).stdout).length, 1);
    for (const option of ["-n", "-g", "-j"]) {
      assert.equal((await ours(["-L", "-p", "icmp", option])).stdout, "", option);
    }
  });

  it("shows a masqueraded ICMP flow", { skip: lacks("ping") }, async () => {
    scene.client.run("ping", "-c1", "-q", SERVER);
    const shown = (await agree(["-L", "-p", "icmp", "-d", SERVER])).stdout;
    assert.match(
      shown,
      new RegExp(
        `^icmp     1 \\d+ src=${CLIENT} dst=${SERVER} type=8 code=0 id=\\d+ src=${SERVER} dst=${ROUTER_OUT} type=0 code=0 id=\\d+ mark=0 use=1\n$`,
      ),
    );
    assert.equal((await ours(["-L", "-p", "icmp", "-n"])).stdout, shown);
  });

  it("follows the flows to their end", async () => {
    for (const name of ["masquerade", "dnat"]) await scene.client.ask("hangUp", { name });
    assert.match((await agree(["-L", "-p", "tcp", "--sport", "5001"])).stdout, / TIME_WAIT src=/);
    await agree(["-L", "-p", "tcp", "--state", "TIME_WAIT"]);
    await agree(["-L", "-p", "tcp", "--state", "ESTABLISHED", "-o", "save"]);
  });
});
