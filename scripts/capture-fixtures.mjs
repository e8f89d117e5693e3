// Captures wire fixtures from the kernel: test/fixtures/wire/*.json, each message beside what the installed reference prints of it.
// Usage, after `npm test` or `npx tsc -p .`: unshare -n node scripts/capture-fixtures.mjs
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = new URL("..", import.meta.url);
const load = (path) => import(new URL(`build/src/${path}.js`, root).href);
const { napiBackend } = await load("netlink/backend/napi");
const { openConnection } = await load("netlink/connection");
const C = await load("ctnetlink/constants");
const { encodePlain } = await load("ctnetlink/encode");

const backend = napiBackend();
const run = (command, ...words) => execFileSync(command, words, { stdio: ["ignore", "pipe", "ignore"] }).toString();
const nft = (rules) => execFileSync("nft", ["-f", "-"], { input: rules });
const sysctl = (setting) => run("sysctl", "-qw", `net.netfilter.${setting}`);
// The reference opens /dev/stdin, which fails on the socket that Node gives a child: a file it is.
function loadTable(commands) {
  const file = join(mkdtempSync(join(tmpdir(), "conntrack-")), "table");
  writeFileSync(file, `${commands.join("\n")}\n`);
  run("conntrack", "-R", file);
}

function dump(type) {
  const connection = openConnection(backend);
  const messages = [];
  connection.dump(
    (writer) => encodePlain(writer, type, C.AF_UNSPEC),
    (buffer, start, end) => messages.push(Buffer.from(buffer.subarray(start, end)).toString("hex")),
  );
  connection.close();
  return messages;
}

const lines = (text) =>
  text.split("\n").filter((line) => line !== "" && !/^<(\?xml|\/?conntrack|\/?expect)/.test(line));

function save(name, how, nowSeconds, messages, printed) {
  for (const [format, entries] of Object.entries(printed)) {
    if (entries.length !== messages.length)
      throw new Error(`${name}: ${messages.length} messages, ${entries.length} lines of ${format}`);
  }
  const fixture = {
    how,
    reference: run("conntrack", "-V").trim(),
    kernel: release(),
    // Listings show how old an entry is: this is the second in which they were taken.
    nowSeconds,
    messages: messages.map((hex, i) => ({
      hex,
      ...Object.fromEntries(Object.entries(printed).map(([format, entries]) => [format, entries[i]])),
    })),
  };
  mkdirSync(new URL("test/fixtures/wire/", root), { recursive: true });
  writeFileSync(new URL(`test/fixtures/wire/${name}.json`, root), `${JSON.stringify(fixture, null, 1)}\n`);
}

/** Takes the reference's output and the messages in one second: again where a clock ticked in between. */
function capture(name, how, type, formats) {
  for (;;) {
    const first = Object.values(formats)[0];
    const before = run("conntrack", ...first);
    const messages = dump(type);
    const printed = Object.fromEntries(
      Object.entries(formats).map(([format, words]) => [format, lines(run("conntrack", ...words))]),
    );
    const second = Math.floor(Date.now() / 1000);
    if (run("conntrack", ...first) === before) return save(name, how, second, messages, printed);
  }
}

const FLOWS = {
  default: ["-L"],
  extended: ["-L", "-o", "extended,id"],
  xml: ["-L", "-o", "xml"],
  save: ["-L", "-o", "save"],
};
const EXPECTATIONS = { default: ["-L", "expect"], xml: ["-L", "expect", "-o", "xml"] };

process.env.TZ = "UTC";
process.env.LC_ALL = "C";
const cases = JSON.parse(readFileSync(new URL("test/fixtures/cases/cli.json", root), "utf8"));

loadTable(cases.setup.mix);
capture(
  "flows-mix",
  "the table `mix` of test/fixtures/cases/cli.json, loaded by the reference, then CT_GET dumped",
  C.CT_GET,
  FLOWS,
);
run("conntrack", "-F");

// Entries that only traffic brings about: counters, timestamps, a helper, labels, an expectation, sequence adjustment by NAT.
sysctl("nf_conntrack_acct=1");
sysctl("nf_conntrack_timestamp=1");
run("ip", "link", "set", "lo", "up");
nft(`table inet t {
  ct helper ftp { type "ftp" protocol tcp; }
  chain out { type filter hook output priority 0; tcp dport 21 ct helper set "ftp"; udp dport 53 ct label set 2; }
  chain nat { type nat hook output priority -100; ip daddr 127.0.0.9 tcp dport 2121 dnat ip to 127.0.0.1:21; }
}`);
const server = createServer((socket) => {
  socket.write("220 ready\r\n");
  socket.on("data", (data) => {
    if (String(data).startsWith("PASV")) socket.write("227 Entering Passive Mode (127,0,0,1,11,185).\r\n");
  });
});
await new Promise((resolve) => server.listen({ port: 21, host: "127.0.0.1" }, () => resolve(undefined)));
const client = createConnection(21, "127.0.0.1");
const translated = createConnection(2121, "127.0.0.9");
client.on("data", () => {});
translated.on("data", () => {});
await sleep(200);
client.write("USER x\r\n");
await sleep(100);
client.write("PASV\r\n");
spawn("bash", ["-c", "echo x > /dev/udp/127.0.0.1/53; ping -c1 -q 127.0.0.1; ping -6 -c1 -q ::1"], { stdio: "ignore" });
await sleep(1200);
capture(
  "flows-traffic",
  "TCP to an FTP server with ct helper, DNAT, UDP with a label, ICMP and ICMPv6 over lo, with acct and timestamp on",
  C.CT_GET,
  FLOWS,
);
capture(
  "expectations",
  "the expectation of a PASV answer seen by the ftp helper, then EXP_GET dumped",
  C.EXP_GET,
  EXPECTATIONS,
);
capture("stats-cpu", "CT_GET_STATS_CPU dumped", C.CT_GET_STATS_CPU, { default: ["-S"] });
capture("stats-cpu-expect", "EXP_GET_STATS_CPU dumped", C.EXP_GET_STATS_CPU, { default: ["-S", "expect"] });
process.exit(0);
