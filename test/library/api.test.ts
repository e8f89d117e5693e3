/** What users of the library see: its documentation, its types, and both ways to load it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { apiExamples, GIVEN } from "../support/api-examples.js";
import { root } from "../support/paths.js";
import { spawnCommand } from "../support/process.js";

/** Uses that compile, and uses that must not. */
const USES = `
const conntrack = await Conntrack.open({ network: "blue", receiveBufferBytes: 1 << 20 });
for await (const flow of conntrack.list({ protocol: "tcp", orig: { src: "10.0.0.0/8" }, status: ["ASSURED", "!DYING"] })) {
  const source: string = flow.orig.src;
  const bytes: bigint | undefined = flow.orig.bytes;
  const again: Flow | undefined = await conntrack.get(flow);
  if (flow.protocol.name === "tcp" && flow.status?.includes("ASSURED")) console.log(source, bytes, again, toJson(flow));
}
for await (const event of conntrack.events({ types: ["new"], filter: { mark: 1 }, signal: AbortSignal.timeout(1) })) {
  if (event.event === "lost") console.log(event.time);
  else console.log(event.event, event.orig.dst, event.portid);
}
for await (const { group, flows, bytes } of conntrack.groups({ by: ["src/24", "dport"], sort: "bytes:asc", limit: 3 })) {
  const port: number | undefined = group.dport;
  console.log(group.src satisfies string | undefined, port, flows + 1, bytes satisfies bigint | undefined);
}
// @ts-expect-error a field that is not there
conntrack.groups({ by: ["source"] });
const count: number = await conntrack.delete({ family: "ipv6" });
const stats = await conntrack.stats();
const failed: number = stats[0]!["insert_failed"]! + count;
try {
  await conntrack.create({ protocol: "udp", timeout: failed, orig: { src: "::1", dst: "::2" } });
} catch (error) {
  if (error instanceof KernelError) console.log(error.errno, error.code satisfies string);
  else if (error instanceof ConntrackError) console.log(error.code);
}
const filter: Filter = { protocol: 6, nat: true };
const options: EventOptions = { filter, programs: true };
console.log(options);
const packets: number | undefined = stats[0]!.found;
conntrack.list({ protocol: ["tcp", "ospf", 99, { number: 6 }], state: { not: "A_NEW_ONE" } });
const known: ProtocolName | undefined = (await conntrack.get({ protocol: 6, orig: { src: "::1", dst: "::2" } }))?.protocol.name;
console.log(packets, known);
const held = conntrack.events();
console.log(held.buffer()?.drops);
held.close();
// @ts-expect-error a property that is not there
conntrack.list({ proto: "tcp" });
// @ts-expect-error a flag that is not there
conntrack.list({ status: ["NEW"] });
// @ts-expect-error the filter must be given
conntrack.delete();
// @ts-expect-error a number as text
conntrack.list({ orig: { sport: "80" } });
// @ts-expect-error made by open
new Conntrack();
// @ts-expect-error no timeout
conntrack.create({ protocol: "udp", orig: { src: "::1", dst: "::2" } });
// @ts-expect-error both at once
conntrack.update({}, { labels: { add: [1], remove: [1] } as { add: number[]; remove: number[] } & { remove: never } }, 1);
conntrack.close();
`;

const NAMES =
  "Conntrack, ConntrackError, type EventOptions, type Filter, type Flow, KernelError, type ProtocolName, toJson";

describe("the library", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "conntrack-types-"));
    mkdirSync(join(directory, "node_modules/@types"), { recursive: true });
    symlinkSync(root, join(directory, "node_modules/conntrack"));
    symlinkSync(join(root, "node_modules/@types/node"), join(directory, "node_modules/@types/node"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function tsc(files: readonly string[], ...options: readonly string[]): void {
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
    const target = ["--module", "nodenext", "--target", "es2022", "--lib", "es2023", "--types", "node"];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const argv = [compiler, ...flags, ...target, ...options, ...files];
    const { status, stdout } = spawnCommand(process.execPath, argv, { cwd: directory, timeoutMs: 60_000 });
    assert.equal(stdout, "");
    assert.equal(status, 0);
  }

  it("has types for ESM, whole ones", () => {
    writeFileSync(join(directory, "use.mts"), `import { ${NAMES} } from "conntrack";\n${USES}`);
    tsc(["use.mts"]);
  });

  it("has types that need neither a browser's nor Node's, nor the inside", () => {
    const bare = USES.replace("AbortSignal.timeout(1)", "undefined as unknown as StopSignal").replaceAll(
      "console.log",
      "show",
    );
    const show = "declare function show(...values: unknown[]): void;\n";
    writeFileSync(
      join(directory, "bare.mts"),
      `import { ${NAMES}, type StopSignal } from "conntrack";\n${show}${bare}`,
    );
    tsc(["bare.mts"], "--types", "");
    const types = readFileSync(join(root, "dist/index.d.ts"), "utf8");
    assert.doesNotMatch(types, /\bfrom "|\b(FlowView|NetlinkConnection|MessageWriter|Buffer|NodeJS)\b/);
    assert.equal(readFileSync(join(root, "dist/index.d.cts"), "utf8"), types);
  });

  it("has examples in its documentation that are as its types want them", () => {
    const names = "Conntrack, type Flow, fromJson, type NewFlow, toJson";
    const bodies = apiExamples().map(({ code }, i) => `export async function example${i}() {\n{${code}}\n}\n`);
    writeFileSync(join(directory, "examples.mts"), `import { ${names} } from "conntrack";\n${GIVEN}${bodies.join("")}`);
    tsc(["examples.mts"]);
  });

  it("has types for CommonJS", () => {
    writeFileSync(
      join(directory, "use.cts"),
      `import { ${NAMES} } from "conntrack";\nasync function main() {${USES}}\nvoid main();\n`,
    );
    tsc(["use.cts"]);
  });

  it("is used by the examples as its types want it", () => {
    const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".mjs"));
    assert.ok(examples.length >= 4);
    tsc(
      examples.map((name) => join(root, "examples", name)),
      "--allowJs",
      "--checkJs",
      "--skipLibCheck",
    );
  });

  it("can be imported and required, and is the same either way", async () => {
    const main = pathToFileURL(join(directory, "main.mjs")).href;
    const required = createRequire(main)("conntrack") as Record<string, unknown>;
    const imported = (await import(pathToFileURL(join(root, "dist/index.js")).href)) as Record<string, unknown>;
    assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
    assert.equal(typeof required["Conntrack"], "function");
    const schema = createRequire(main)("conntrack/docs/conntrack.schema.json") as { $id: string };
    assert.match(schema.$id, /^urn:conntrack:json:\d+\.\d+$/);
  });

  it("has its documentation in step with the doc comments", async () => {
    const { apiDocs } = (await import(join(root, "scripts/api-docs.mjs"))) as { apiDocs(dist: string): string };
    assert.equal(readFileSync(join(root, "docs/api.md"), "utf8"), apiDocs(join(root, "build/types")), "npm run docs");
  });

  it("has stable codes for its errors", async () => {
    const library = await import("../../src/index.js");
    const codes = [
      new library.UsageError("x").code,
      new library.KernelError(12, "x").code,
      new library.AbortedError(1).code,
      new library.WireError("x", 0).code,
      new library.BackendError("x").code,
    ];
    assert.deepEqual(codes, ["CONNTRACK_USAGE", "ENOMEM", "ABORT_ERR", "CONNTRACK_WIRE", "CONNTRACK_BACKEND"]);
  });
});
