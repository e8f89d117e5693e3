/** A flush of one family, on a kernel that is known to heed it and on one that is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Io } from "../../src/cli/io.js";
import { main } from "../../src/cli/main.js";
import { nodeIo } from "../../src/cli/node-io.js";
import { backend, freshNetwork, ours } from "../support/command.js";

const RELEASE = "/proc/sys/kernel/osrelease";

/** Runs a command line where the kernel calls itself `release`; undefined: it does not say. Returns the status. */
async function onKernel(release: string | undefined, argv: readonly string[]): Promise<number> {
  const real = nodeIo(backend);
  const io: Io = {
    ...real,
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    readFile: (path) => {
      if (path !== RELEASE) return real.readFile(path);
      if (release === undefined) throw new Error("ENOENT");
      return Buffer.from(`${release}\n`);
    },
  };
  return main(argv, io);
}

for (const release of [undefined, "4.18.0-553.el8", "5.3.0", "6.1.0-28-amd64", "6.17.9", "6.18.44", "7.0.0"]) {
  for (const family of ["ipv4", "ipv6"]) {
    test(`-F -f ${family} on ${release ?? "an unknown release"} leaves the other family alone`, async () => {
      freshNetwork();
      for (let i = 1; i <= 100; i++) {
        await ours(`-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport ${i} --dport 9 -t 100`.split(" "));
        await ours(`-I -s fd::1 -d fd::2 -p udp --sport ${i} --dport 9 -t 100`.split(" "));
      }
      assert.equal(await onKernel(release, ["-F", "-f", family]), 0);
      const { stdout } = await ours(["-L"]);
      const left = stdout.split("\n").filter((line) => line !== "");
      assert.equal(left.length, 100);
      for (const line of left) assert.match(line, family === "ipv4" ? / src=fd::/ : / src=1\./);
    });
  }
}
