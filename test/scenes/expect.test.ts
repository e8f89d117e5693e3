/** Expectations by the FTP helper, IPv4 and IPv6, and the flows that fulfil them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agree } from "../support/agree.js";
import { ours } from "../support/command.js";
import { CLIENT, CLIENT6, type Lab, lab, nft, noLab, SERVER, SERVER6 } from "../support/lab.js";
import { noReference } from "../support/reference.js";
import { lines, mask } from "../support/text.js";
import { until } from "../support/wait.js";

const RULES = `table inet n {
  ct helper ftp { type "ftp" protocol tcp; }
  chain pre { type filter hook prerouting priority filter; tcp dport 21 ct helper set "ftp"; }
}`;

/** As lab/README.md has it: PORT 10,0,1,2,15,160 announces port 4000. */
const ANNOUNCED = 4000;

describe("expectations", { skip: noLab || noReference }, () => {
  let scene: Lab;
  before(async () => {
    scene = await lab();
    nft(RULES);
    const { client, server } = scene;
    await server.ask("ftp", { host: "0.0.0.0", port: 21 });
    await server.ask("ftp", { host: "::", port: 21 });
    await client.ask("accept", { host: CLIENT, port: ANNOUNCED });
    for (const [name, host, localPort] of [
      ["control", SERVER, 5001],
      ["control6", SERVER6, 5002],
    ] as const) {
      await client.ask("connect", { name, host, port: 21, localPort });
      await client.ask("say", { name, text: "USER x\r\n", answer: "200 fine" });
    }
    await client.ask("say", { name: "control", text: "PASV\r\n", answer: "227 " });
    await client.ask("say", { name: "control6", text: "EPSV\r\n", answer: "229 " });
  });
  after(() => scene?.close());

  it("shows the helper of the control connection", async () => {
    const { stdout } = await agree(["-L", "-p", "tcp", "--dport", "21", "-f", "ipv4"]);
    assert.match(stdout, /^tcp {6}6 \d+ ESTABLISHED .* \[ASSURED\] mark=0 helper=ftp use=\d+\n$/);
    assert.match((await agree(["-L", "-o", "xml", "-f", "ipv4"])).stdout, /<helper>ftp<\/helper><\/flow>/);
  });

  it("shows what PASV makes the helper expect", async () => {
    const { stdout } = await agree(["-L", "expect", "-f", "ipv4"]);
    assert.match(
      stdout,
      new RegExp(
        `^\\d+ proto=6 src=${CLIENT} dst=${SERVER} sport=0 dport=3001 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=${CLIENT} master-dst=${SERVER} sport=5001 dport=21 class=0 helper=ftp\n$`,
      ),
    );
  });

  it("shows what EPSV makes the helper expect over IPv6", async () => {
    const { stdout } = await agree(["-L", "expect", "-f", "ipv6"]);
    assert.match(
      stdout,
      new RegExp(
        `^\\d+ proto=6 src=${CLIENT6} dst=${SERVER6} sport=0 dport=3001 mask-src=(ffff:){7}ffff .* helper=ftp\n$`,
      ),
    );
  });

  for (const words of [
    "-L expect -f ipv4 -o xml",
    "-L expect -f ipv6 -o xml",
    "-L expect -f ipv4 -o id",
    "-L expect -f ipv4 -o extended,id",
    "-S expect",
    "-L -o extended,id",
    "-L -o save",
    "-L -o xml",
  ]) {
    it(`agrees with the reference on ${words}`, async () => {
      await agree(words.split(" "));
    });
  }

  it("puts the time before a listed expectation", async () => {
    const { stdout } = await agree(["-L", "expect", "-f", "ipv4", "-o", "timestamp"], {
      tweak: (outcome) => ({ ...outcome, stdout: mask(outcome.stdout) }),
    });
    assert.match(stdout, /^\[TS\]\t/);
    // Both numbers are left-aligned here, in 8 and 6 columns.
    assert.match(
      (await ours(["-L", "expect", "-f", "ipv4", "-o", "timestamp"])).stdout,
      /^\[\d{10,}\.(?=.{6}\])\d+ *\]\t\d+ proto=6 /,
    );
  });

  it("shows and counts both families where none is named", async () => {
    const { stdout, stderr } = await ours(["-L", "expect"]);
    assert.equal(lines(stdout).length, 2);
    assert.match(stderr, /: 2 expectations have been shown\.\n$/);
    assert.equal((await ours(["-C", "expect"])).stdout, "2\n");
  });

  it("gets one expectation by its tuple", async () => {
    const { stdout } = await ours(["-L", "expect", "-f", "ipv4"]);
    const words =
      `-G expect -s ${CLIENT} -d ${SERVER} -p tcp --sport 0 --dport 3001 --reply-port-src 1 --reply-port-dst 2`.split(
        " ",
      );
    const got = await agree(words);
    assert.equal(mask(got.stdout).replace(/^\d+/, "T"), mask(stdout).replace(/^\d+/, "T"));
    assert.equal(got.status, 0);
  });

  it("shows the flow that was expected as such", async () => {
    await scene.client.ask("say", { name: "control", text: "PORT 10,0,1,2,15,160\r\n", answer: "200 fine" });
    const announced = await agree(["-L", "expect", "-f", "ipv4"]);
    assert.match(announced.stdout, new RegExp(` src=${SERVER} dst=${CLIENT} sport=0 dport=${ANNOUNCED} `));
    await scene.server.ask("connect", { name: "data", host: CLIENT, port: ANNOUNCED, localPort: 20 });
    await until("the expectation is used up", async () => (await ours(["-L", "expect", "-f", "ipv4"])).stdout === "");
    const { stdout } = await agree(["-L", "-u", "EXPECTED"]);
    assert.match(
      stdout,
      new RegExp(`^tcp      6 \\d+ ESTABLISHED src=${SERVER} dst=${CLIENT} sport=20 dport=${ANNOUNCED} `),
    );
    assert.match(
      (await agree(["-L", "-u", "EXPECTED", "-o", "save"])).stdout,
      /^-A -t \d+ -u EXPECTED,SEEN_REPLY(,ASSURED)? -s /,
    );
    await agree(["-S", "expect"]);
  });

  it("empties the table of expectations", async () => {
    assert.notEqual((await ours(["-L", "expect"])).stdout, "");
    const { status, stderr } = await ours(["-F", "expect"]);
    assert.match(stderr, /: expectation table has been emptied\.\n$/);
    assert.equal(status, 0);
    assert.equal((await ours(["-L", "expect"])).stdout, "");
  });
});
