/** --limit alone: the dump ends when enough is shown, and nothing of it goes on. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { main } from "../../src/cli/main.js";
import { nodeIo } from "../../src/cli/node-io.js";
import type { Socket } from "../../src/netlink/backend/socket.js";
import { backend, freshNetwork, ours } from "../support/command.js";
import { CLIENT, type Lab, lab, nft, noLab, SERVER } from "../support/lab.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

const ENTRIES = 3000;

interface Calls {
  opened: number;
  closed: number;
  receives: number;
  /** What a thread was told: to receive ahead, or no longer. */
  ahead: boolean[];
}

/** Runs a command line whose sockets count what is done with them. */
async function counted(line: string): Promise<{ calls: Calls; stdout: string; status: number }> {
  const calls: Calls = { opened: 0, closed: 0, receives: 0, ahead: [] };
  const open = () => {
    const socket = backend.open();
    if (typeof socket === "number") return socket;
    calls.opened++;
    const counting: Socket = {
      ...socket,
      receive(...args) {
        calls.receives++;
        return socket.receive(...args);
      },
      readAhead(on) {
        calls.ahead.push(on);
        socket.readAhead?.(on);
      },
      close() {
        calls.closed++;
        socket.close();
      },
    };
    return counting;
  };
  const parts: Uint8Array[] = [];
  const io = {
    ...nodeIo({ ...backend, open }),
    stdout: { write: (bytes: Uint8Array) => void parts.push(bytes.slice()) },
    stderr: { write() {} },
    stdoutIsDevice: () => false,
    terminalColumns: () => undefined,
  };
  const status = await main(line.split(" "), io);
  return { calls, status, stdout: Buffer.concat(parts).toString() };
}

/** Asserts that a line shows so much, and that its socket is closed and receives nothing ahead any more. */
async function leavesNothing(line: string, shown: number): Promise<void> {
  const { calls, stdout, status } = await counted(line);
  assert.equal(status, 0);
  assert.equal(lines(stdout).length, shown);
  assert.equal(calls.opened, 1);
  assert.equal(calls.closed, 1);
  assert.equal(calls.ahead.filter(Boolean).length, calls.ahead.filter((on) => !on).length);
}

describe("--limit alone", () => {
  before(async () => {
    freshNetwork();
    const flows = Array.from(
      { length: ENTRIES },
      (_, i) =>
        `-I -s 10.0.${i >> 8}.${i & 255} -d 192.0.2.1 -p ${i % 3 === 0 ? "udp" : "tcp --state ESTABLISHED"} --sport 1 --dport 2 -t 6000`,
    );
    await loadTable(flows);
  });

  it("reads no further than it must", async () => {
    const whole = await counted("-L");
    const few = await counted("-L --limit 5");
    assert.equal(lines(whole.stdout).length, ENTRIES);
    assert.equal(lines(few.stdout).length, 5);
    assert.ok(whole.calls.receives > 10, String(whole.calls.receives));
    assert.equal(few.calls.receives, 1);
  });

  for (const [line, shown] of [
    ["-L --limit 5", 5],
    ["-L -p udp --limit 400", 400],
    ["-L -o xml --limit 7", 10],
    ["-L --sort src --limit 3", 3],
    ["-L --limit 1000000", ENTRIES],
  ] as const) {
    it(`leaves no socket and no thread behind: ${line}`, () => leavesNothing(line, shown));
  }
});

describe("--limit with expectations", { skip: noLab }, () => {
  let scene: Lab;
  before(async () => {
    freshNetwork();
    scene = await lab();
    nft(`table inet n {
      ct helper ftp { type "ftp" protocol tcp; }
      chain pre { type filter hook prerouting priority filter; tcp dport 21 ct helper set "ftp"; }
    }`);
    await scene.server.ask("ftp", { host: SERVER, port: 21 });
    // The helper allows one expectation for each connection.
    for (let i = 1; i <= 5; i++) {
      await scene.client.ask("connect", { name: `control${i}`, host: SERVER, port: 21, localPort: 5000 + i });
      const master = `-s ${CLIENT} -d ${SERVER} -p tcp --sport ${5000 + i} --dport 21`;
      const expected = `--tuple-src 4.4.4.4 --tuple-dst 5.5.5.${i} --tuple-port-src 1 --tuple-port-dst ${i}`;
      const masks = "--mask-src 255.255.255.255 --mask-dst 255.255.255.255 --mask-port-src 65535 --mask-port-dst 65535";
      const { status, stderr } = await ours(`-I expect ${master} ${expected} ${masks} -t 600`.split(" "));
      assert.equal(status, 0, stderr);
    }
  });
  after(() => scene?.close());

  it("leaves no socket and no thread behind", () => leavesNothing("-L expect --limit 2", 2));

  it("shows the first of the expectations", async () => {
    const all = lines((await ours(["-L", "expect"])).stdout);
    assert.equal(all.length, 5);
    const first = lines((await ours(["-L", "expect", "--limit", "2"])).stdout);
    const timeless = (line: string) => line.replace(/^\d+ /, "");
    assert.deepEqual(first.map(timeless), all.slice(0, 2).map(timeless));
  });
});
