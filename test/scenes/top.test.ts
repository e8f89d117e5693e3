/** --top as its users have it: on a terminal, with keys, and without one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import type { Flow } from "../../src/library/flow.js";
import { freshNetwork, ours, oursAsProcess, program } from "../support/command.js";
import { overlayEtc } from "../support/etc.js";
import { parseLines } from "../support/json.js";
import { sysctl } from "../support/lab.js";
import { binary } from "../support/paths.js";
import { noScreen, Screen } from "../support/screen.js";
import { listTable, loadTable } from "../support/table.js";
import { sleep, until } from "../support/wait.js";

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** The command line of a process, empty of one that has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** 30 flows of 10.0.0.1, 20 of 10.0.0.2, 10 of 10.0.0.3, of which the last are without an answer. */
const FLOWS = [30, 20, 10].flatMap((count, i) =>
  Array.from({ length: count }, (_, n) => {
    const state = i === 2 ? "--state SYN_SENT" : "--state ESTABLISHED -u ASSURED,SEEN_REPLY";
    const port = n % 2 === 0 ? 443 : 22;
    return `-I -p tcp -s 10.0.0.${i + 1} -d 203.0.113.${n % 5} --sport ${2000 + n} --dport ${port} -t 90000 ${state}`;
  }),
);

/** Says how many of the flags are set that a shell has and a program in raw mode has not. */
const SET_FLAGS = "echo set: $(stty -a | tr ' ' '\\n' | grep -cx -e icanon -e isig -e echo)";

const TOP = `${program} --top --interval 1`;

describe("--top", () => {
  before(async () => {
    freshNetwork();
    sysctl("net/netfilter/nf_conntrack_acct", 1);
    await loadTable(FLOWS);
    // Over UDP the port is another service's.
    overlayEtc({ services: "ssh 22/tcp\nhttps 443/tcp\nquic 443/udp\n" });
  });

  describe("on a terminal", { skip: noScreen }, () => {
    let screen: Screen;
    afterEach(() => screen.close());

    /** The view, with its first figures. */
    async function open(columns = 80, rows = 24, line = TOP, locale?: string): Promise<string> {
      screen = new Screen(columns, rows, locale);
      await screen.until(/^>/m);
      screen.run("echo before");
      await screen.until(/^before$/m);
      screen.runKnown(line);
      return screen.until(/^(?:10\.0\.0\.\d|tcp) .*\n(?:.*\n)*q quit/m);
    }

    it("shows who has the flows", async () => {
      const text = await open();
      assert.match(text, /^Entries +60 \/ [\d,]+ /m);
      assert.match(text, /^Proto +tcp 100 % +unreplied 17 % +unassured 17 %$/m);
      assert.match(text, /^TCP +ESTABLISHED 83 % +SYN_SENT 17 %$/m);
      assert.match(text, /^SRC +FLOWS▼ +% +\+\/s +UNREPL +UP↑ +DOWN↓ +BYTES$/m);
      assert.match(text, /^10\.0\.0\.1 +30 +50\.0 .*\n10\.0\.0\.2 +20 +33\.3 .*\n10\.0\.0\.3 +10 +16\.7 .* 100 %/m);
      await screen.until(/^10\.0\.0\.1 .* 0 +b\/s +0 +b\/s +0$/m);
    });

    it("groups and sorts by keys", async () => {
      await open();
      screen.press("g");
      await screen.until(/group: dst$[\s\S]*^203\.0\.113\.\d +12 /m);
      screen.press("G");
      await screen.until(/group: src$[\s\S]*^10\.0\.0\.1 +30 /m);
      screen.press("r");
      await screen.until(/FLOWS▲[\s\S]*^10\.0\.0\.3 .*\n10\.0\.0\.2 .*\n10\.0\.0\.1 /m);
      screen.press("r", "<");
      await screen.until(/^SRC▲[\s\S]*^10\.0\.0\.1 .*\n10\.0\.0\.2 /m);
      screen.press("G");
      await screen.until(
        /group: none$[\s\S]*^tcp +(?:ESTABLISHED|SYN_SENT) +10\.0\.0\.\d:20\d\d +203\.0\.113\.\d:\d+ /m,
      );
    });

    it("reads what a key asks for while it is paused, and no more", async () => {
      await open();
      screen.press("Space", "g");
      await screen.until(/PAUSED[\s\S]*group: dst$[\s\S]*^203\.0\.113\.\d +12 /m);
      const before = screen.text();
      await sleep(2500);
      assert.equal(screen.text(), before);
      screen.press("a");
      await screen.until(/PAUSED[\s\S]*^reading the whole table$/m);
    });

    it("goes into a row and back", async () => {
      await open();
      screen.press("Down", "Enter");
      const text = await screen.until(/^Filter +-s 10\.0\.0\.2 +group: dst$[\s\S]*^203\.0\.113\.\d +4 /m);
      assert.doesNotMatch(text, /^203\.0\.113\.\d +(?!4 )\S/m);
      screen.press("BSpace");
      await screen.until(/^Filter +none +group: src$[\s\S]*^10\.0\.0\.1 +30 /m);
    });

    it("has its filter edited in place, with the messages of the command line", async () => {
      await open();
      screen.press("/");
      await screen.until(/Esc cancel/);
      for (const wrong of ["--dport 443", "-p tcp --state FOO", "-s 1.2.3.4.5", "-o json"]) {
        screen.press("C-u");
        screen.type(wrong);
        screen.press("Enter");
        const message = wrong === "-o json" ? "`--output' is no filter" : messageOf(wrong);
        const text = await screen.until(new RegExp(`^${escaped(message)}$`, "m"));
        assert.ok(text.split("\n")[5]!.endsWith(` ${wrong}`), text);
      }
      screen.press("C-u");
      screen.type("-p tcp --dport 22,80 --state '!SYN_SENT'".replaceAll("'", ""));
      screen.press("Enter");
      await screen.until(/^Filter +-p tcp --dport 22,80 --state !SYN_SENT +group: src$[\s\S]*^10\.0\.0\.1 +15 /m);
      assert.doesNotMatch(screen.text(), /10\.0\.0\.3/);
      // What is given up changes nothing.
      screen.press("/", "C-u", "Escape");
      await screen.until(/^Filter +-p tcp --dport 22,80/m);
    });

    /** What the command line says to the same filter. */
    const messageOf = (filter: string): string =>
      oursAsProcess(["-L", ...filter.split(" ")])
        .stderr.split("\n")[0]!
        .replace(/^.*?: /, "");

    it("fits any terminal from 60x12 on", async () => {
      await open();
      screen.resize(140, 40);
      await screen.until(/UP↑ +DOWN↓ +DESTINATION +STATE +NEW\/s +GONE\/s +BYTES/);
      screen.resize(60, 12);
      const small = await screen.until(/^SRC +FLOWS▼(?:.*\n){3,}q quit/m);
      for (const line of small.split("\n")) assert.ok(line.length <= 60, line);
      assert.doesNotMatch(small, /NEW\/s/);
      // Rows are not sorted by what nobody sees.
      for (let i = 0; i < 5; i++) screen.press(">");
      await screen.until(/^SRC +FLOWS .* NEW\/s▼/m);
      for (let i = 0; i < 5; i++) screen.press("<");
      screen.press("h");
      for (const line of (await screen.until(/leaves this help/)).split("\n")) assert.ok(line.length <= 60, line);
      screen.press("x");
      await screen.until(/^SRC +FLOWS▼/m);
      screen.resize(50, 12);
      await screen.until(/The terminal has 50x12: at least 60x12/);
      screen.resize(80, 24);
      await screen.until(/^Entries +60[\s\S]*^10\.0\.0\.1 /m);
    });

    it("stops at Ctrl-Z and goes on with fg", async () => {
      await open();
      screen.press("C-z");
      const text = await screen.until(/^\[1\]\+ +Stopped/m);
      assert.match(text, /^before$/m);
      screen.run(SET_FLAGS);
      await screen.until(/^set: 3$/m);
      screen.run("fg");
      await screen.until(/^10\.0\.0\.1 +30 [\s\S]*^q quit/m);
      screen.press("q");
      await leftAlone(0);
    });

    /** The screen that was there before is back, and the shell is as ever. */
    async function leftAlone(status: number): Promise<void> {
      await screen.until(/^before\n[\s\S]*^>$/m);
      screen.run(`echo status $?; ${SET_FLAGS}`);
      const text = await screen.until(/^status \d+\nset: \d$/m);
      assert.match(text, new RegExp(`^status ${status}\nset: 3$`, "m"));
      assert.doesNotMatch(text, /q quit/);
    }

    it("leaves the terminal as it was at q, and with status 0", async () => {
      await open();
      screen.press("q");
      await leftAlone(0);
    });

    for (const [signal, status] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
      ["SIGHUP", 129],
    ] as const) {
      it(`leaves the terminal as it was when ${signal} ends it`, async () => {
        await open();
        process.kill(screen.pid, signal);
        await leftAlone(status);
      });
    }

    it("leaves the terminal as it was where the kernel refuses, and says why", async () => {
      screen = new Screen(80, 24);
      screen.run("echo before");
      await screen.until(/^before$/m);
      screen.run(`setpriv --bounding-set=-net_admin ${TOP}`);
      await screen.until(/^conntrack v.*: Operation failed: sorry, you must be root/m);
      await leftAlone(1);
    });

    it("prints the command that would delete a row, and never runs it", async () => {
      const was = await listTable("-o", "id");
      await open();
      screen.press("Down", "x");
      await screen.until(/^noted, printed at the end: conntrack -D -s 10\.0\.0\.2 --dry-run$/m);
      screen.press("q");
      await screen.until(/^conntrack -D -s 10\.0\.0\.2 --dry-run$/m);
      const ids = (text: string) => [...text.matchAll(/ id=(\d+)/g)].map(([, id]) => id).sort();
      assert.deepEqual(ids(await listTable("-o", "id")), ids(was));
    });

    it("names services where the protocol is certain, and filters by numbers", async () => {
      await open(120, 24);
      screen.press("g", "g", "g", "n");
      await screen.until(/^DPORT[\s\S]*^443 +30 [\s\S]*^services in place of ports$/m);
      assert.match(screen.text(), /^ssh +30 /m);
      screen.press("/");
      screen.type("-p tcp");
      screen.press("Enter");
      await screen.until(/^Filter +-p tcp[\s\S]*^https +30 /m);
      screen.press("End", "x");
      await screen.until(/^noted, printed at the end: conntrack -D -p tcp --dport \d+ --dry-run$/m);
      screen.press("g", "g", "g");
      await screen.until(/group: none$[\s\S]*^tcp +\S+ +10\.0\.0\.\d:20\d\d +203\.0\.113\.\d:(?:https|ssh) /m);
      screen.press("x");
      screen.press("n");
      await screen.until(/^tcp +\S+ +\S+ +203\.0\.113\.\d:(?:443|22) [\s\S]*^ports as numbers$/m);
      screen.press("q");
      await screen.until(
        /^conntrack -D -p tcp -s 10\.0\.0\.\d -d 203\.0\.113\.\d --sport 20\d\d --dport (?:443|22) --dry-run$/m,
      );
    });

    describe("the diagnosis", () => {
      /** A program that is run for longer than the view reads. */
      const report = () => oursAsProcess(["--diagnose"]).stdout;
      /** Its words, without the memory of all namespaces of the machine. In a folded line the verdict is not the last word. */
      const wordsOf = (text: string) => {
        const words = text.replace(/^Memory .*\n(?: {11}.*\n)*/m, "").split(/\s+/);
        return words.filter((word) => word !== "" && word !== "ok");
      };
      /** What stands between the two lines of the header and the keys. */
      const body = (text: string) => `${text.split("\n").slice(2, -2).join("\n")}\n`;
      const MADE = /^\S+ [·-] diagnosis [·-] made \d+ s ago$/m;

      async function openDiagnosis(columns = 80, rows = 24, line = TOP, locale?: string): Promise<string> {
        await open(columns, rows, line, locale);
        screen.press("d");
        await screen.until(/^\S+ [·-] diagnosis [·-] reading: /);
        return screen.until(MADE);
      }

      it("is what --diagnose prints, at any width", async () => {
        const expected = wordsOf(report());
        assert.ok(expected.length > 50);
        assert.deepEqual(wordsOf(body(await openDiagnosis(80, 40))), expected);
        screen.resize(60, 50);
        // The last word of the verdict is at the right edge.
        const narrow = await screen.until(/^Table .* ok$(?<=^.{60})/m);
        assert.deepEqual(wordsOf(body(narrow)), expected);
        screen.resize(140, 40);
        assert.deepEqual(wordsOf(body(await screen.until(/^Table .* ok$(?<=^.{80})/m))), expected);
      });

      it("is that of the filter", async () => {
        await open(80, 24, `${TOP} -s 10.0.0.3`);
        screen.press("d");
        const text = await screen.until(MADE);
        assert.match(text, /^Filter +-s 10\.0\.0\.3$/m);
        assert.match(text, /^ {11}SYN_SENT 100 %$/m);
      });

      it("scrolls where it is longer than the screen", async () => {
        const text = await openDiagnosis(60, 12);
        for (const line of text.split("\n")) assert.ok(line.length <= 60, line);
        const [, count] = /^Filter +none +lines 1-8 of (\d+)$/m.exec(text)!;
        screen.press("Down");
        await screen.until(/lines 2-9 of /);
        screen.press("PageDown");
        await screen.until(/lines 10-17 of /);
        screen.press("End");
        await screen.until(new RegExp(`lines ${Number(count) - 7}-${count} of ${count}$`, "m"));
        screen.press("PageUp", "Home");
        await screen.until(/lines 1-8 of [\s\S]*^Table /m);
        screen.resize(50, 12);
        await screen.until(/The terminal has 50x12/);
        screen.resize(80, 24);
        await screen.until(/^Filter +none$[\s\S]*^Table .* ok$/m);
      });

      it("goes back to where the view was, and is made again", async () => {
        await open();
        screen.press("g", "Space");
        await screen.until(/PAUSED[\s\S]*group: dst$/m);
        for (const back of ["Escape", "BSpace", "d"]) {
          screen.press("d");
          await screen.until(MADE);
          screen.press("a");
          await screen.until(/^\S+ · diagnosis · reading again: 60 entries, the counters once more in [12] s$/m);
          assert.match(screen.text(), /^Who /m);
          await screen.until(MADE);
          screen.press("h");
          await screen.until(/leaves this help/);
          screen.press("x");
          await screen.until(MADE);
          screen.press(back);
          await screen.until(/PAUSED[\s\S]*group: dst$/m);
        }
        // While it reads, too.
        screen.press("d");
        await screen.until(/diagnosis · reading: /);
        screen.press("d");
        await screen.until(/PAUSED[\s\S]*group: dst$/m);
        screen.press("d", "q");
        await leftAlone(0);
      });

      it("gets older on the screen, while nothing is read", async () => {
        await open();
        screen.press("Space", "d");
        await screen.until(MADE);
        await screen.until(/made [23] s ago/);
      });

      it("says what it could not read", async () => {
        const hidden = "mount --bind /dev/null /proc/slabinfo";
        await openDiagnosis(80, 24, `unshare --mount sh -c "${hidden}; exec ${TOP}"`);
        assert.match(screen.text(), /^Not known: \/proc\/slabinfo has no line for nf_conntrack/m);
      });

      it("warns of entries that the filter passes over", async () => {
        await open(60, 24);
        screen.press("/");
        screen.type("--age !5");
        screen.press("Enter");
        await screen.until(/^Filter +--age !5 /m);
        screen.press("d");
        const text = await screen.until(MADE);
        assert.match(
          text.replace(/\n +/g, " "),
          /^WARNING: 60 entries have no start time, so --age passes over them: /m,
        );
      });

      it("says that a table is empty", async () => {
        screen = new Screen(80, 24);
        screen.run(`unshare --net ${TOP}`);
        await screen.until(/^Entries +0 \//m);
        screen.press("d");
        assert.match(await screen.until(MADE), /^Who +no entries$/m);
      });

      it("is plain ASCII where the locale is not UTF-8", async () => {
        assert.match(await openDiagnosis(60, 12, TOP, "C"), /^[\n\x20-\x7e]*$/);
        assert.match(screen.text(), /arrows scroll/);
      });

      it("stops at Ctrl-Z and goes on with fg", async () => {
        await openDiagnosis();
        screen.press("C-z");
        await screen.until(/^\[1\]\+ +Stopped/m);
        screen.run("fg");
        await screen.until(MADE);
        screen.press("C-c");
        await leftAlone(0);
      });

      it("ends with its terminal, and when SIGHUP ends it", async () => {
        await openDiagnosis();
        process.kill(screen.pid, "SIGHUP");
        await leftAlone(129);
        screen.close();
        await openDiagnosis();
        screen.press("a");
        await screen.until(/reading again/);
        const { pid } = screen;
        screen.close();
        await until("the end of the view", () => commandOf(pid) === "");
      });
    });

    it("is plain ASCII where the locale is not UTF-8", async () => {
      const text = await open(80, 24, TOP, "C");
      assert.match(text, /FLOWSv/);
      assert.match(text, /^[\n\x20-\x7e]*$/);
    });

    it("prints a block where the terminal is dumb", async () => {
      screen = new Screen(80, 40);
      screen.run(`TERM=dumb ${TOP}`);
      await screen.until(/^10\.0\.0\.1 +30 [\s\S]*^>$/m);
      assert.doesNotMatch(screen.text(), /q quit/);
    });

    it("ends when its terminal is closed", async () => {
      await open();
      const { pid } = screen;
      screen.close();
      await until("the end of the view", () => commandOf(pid) === "");
    });
  });

  describe("without a terminal", () => {
    const run = (line: string) => {
      const { status, stdout, stderr } = oursAsProcess(["--top", "--interval", "0.2", ...line.split(" ")], {
        env: { ...process.env, LC_ALL: "C" },
      });
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "");
      return stdout;
    };

    it("prints one block of the same table, without escapes", () => {
      const text = run("--limit 2");
      assert.match(text, /^[\n\x20-\x7e]*$/);
      assert.match(text, /^Entries +60 \/ /m);
      assert.match(text, /^10\.0\.0\.1 +30 +50\.0 .*\n10\.0\.0\.2 +20 .*\nother +10 +16\.7 .*\n\n$/m);
      assert.equal(text.split("\n\n").length, 3);
    });

    it("prints as many as --rounds says", () => {
      const blocks = run("--rounds 3 --limit 1").match(/^Entries /gm);
      assert.equal(blocks?.length, 3);
    });

    it("prints JSON with the time, and filters", () => {
      const lines = parseLines<Record<string, unknown>>(run("-o json --rounds 2 --group-by dport -p tcp --dport 22"));
      assert.equal(lines.length, 2);
      for (const { time, ...row } of lines) {
        assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
        assert.deepEqual(row, {
          rates: { flows: 0, new: 0, gone: 0, orig_bytes: 0, reply_bytes: 0 },
          group: { dport: 22 },
          flows: 30,
          unreplied: 5,
          most_frequent: { dst: "203.0.113.0", dport: 22, state: "ESTABLISHED" },
          bytes: 0,
        });
      }
    });

    it("shows flows for themselves", () => {
      const lines = parseLines<Flow & { rates: object }>(run("-o json --group-by none -s 10.0.0.3 --limit 4"));
      assert.equal(lines.length, 4);
      for (const { orig, rates } of lines) {
        assert.equal(orig.src, "10.0.0.3");
        assert.deepEqual(rates, { orig_bytes: 0, reply_bytes: 0 });
      }
    });

    const keepsNothing = async () => {
      freshNetwork();
      const sources = Array.from({ length: 20_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
      await loadTable(sources.map((src) => `-I -p udp -s ${src} -d 203.0.113.1 --sport 1 --dport 2 -t 90000`));
      const words = ["--top", "--interval", "0.05", "--rounds", "60", "--limit", "1", "-o", "json"];
      const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
      const megabytes: number[] = [];
      for await (const line of createInterface(child.stdout)) {
        assert.match(line, /"flows":1,/);
        const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
        megabytes.push(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024);
      }
      assert.equal(megabytes.length, 60);
      // What a pass leaves behind would be 3 MB: 130 MB for those that count here. The process may have ended by the last line.
      const [early, late] = [Math.max(...megabytes.slice(10, 15)), Math.max(...megabytes.slice(15, -1))];
      assert.ok(late < early + 20, `${early} MB after 15 rounds, ${late} MB after 60`);
    };
    // Node collects garbage when it likes.
    if (program !== binary) it("keeps nothing of passes that are over", { timeout: 60_000 }, keepsNothing);
  });
});

describe("--top of a table that changes", { skip: noScreen }, () => {
  let screen: Screen;
  before(() => {
    freshNetwork();
    for (const name of ["acct", "timestamp"]) sysctl(`net/netfilter/nf_conntrack_${name}`, 1);
  });
  beforeEach(async () => {
    await ours(["-F"]);
    await loadTable(FLOWS);
  });
  afterEach(() => screen.close());

  async function open(columns: number, options = ""): Promise<void> {
    screen = new Screen(columns, 24);
    screen.run(`${TOP} ${options}`);
    await screen.until(/^q quit/m);
  }

  const more = (host: number, count: number) =>
    Array.from({ length: count }, (_, n) =>
      FLOWS[0]!.replace("10.0.0.1", `10.0.0.${host}`).replace("2000", `${3000 + n}`),
    );

  it("says how many flows come and go a second, and how old the oldest one is", async () => {
    await open(140);
    await screen.until(/^SRC .* NEW\/s +GONE\/s +BYTES +OLDEST$[\s\S]*^10\.0\.0\.2 +20 .* 0 +0 +0 +\d+s$/m);
    assert.equal((await ours(["-D", "-p", "tcp", "-s", "10.0.0.2", "--dport", "22"])).status, 0);
    await loadTable(more(3, 5));
    const text = await screen.until(/^10\.0\.0\.2 +10 .* ESTABLISHED +0 +[1-9]\S* +0 +\d+s$/m);
    assert.match(text, /^10\.0\.0\.3 +15 .* (?:SYN_SENT|ESTABLISHED) +[1-9]\S* +0 +0 +\d+s$/m);
  });

  it("says what the flows of a group have most often, where there is room for it", async () => {
    await open(80);
    const small = await screen.until(/^SRC .*\n10\.0\.0\.1 +30 .* 0 +b\/s/m);
    assert.doesNotMatch(small, /DESTINATION|STATE/);
    screen.resize(140, 24);
    await screen.until(/ DESTINATION +STATE +NEW\/s .*\n10\.0\.0\.1 +30 .* 203\.0\.113\.0:22 +ESTABLISHED +0 /m);
    await loadTable(more(1, 4).map((line) => line.replace("203.0.113.0", "203.0.113.77")));
    await screen.until(/^10\.0\.0\.1 +34 .* 203\.0\.113\.77:443 +ESTABLISHED /m);
    screen.press("g");
    await screen.until(/^DST .* SOURCE +STATE .*\n203\.0\.113\.0 +12 .* 10\.0\.0\.1 +ESTABLISHED +0 /m);
    for (let i = 0; i < 3; i++) screen.press("g");
    const states = await screen.until(/^STATE .* DESTINATION +NEW.*\nESTABLISHED +54 .* 203\.0\.113\.0:22 /m);
    assert.doesNotMatch(states, / STATE /);
  });

  it("keeps to the row that was moved to, wherever that goes", async () => {
    await open(80);
    await screen.until(/^10\.0\.0\.1 +30 .*\n10\.0\.0\.2 +20 /m);
    screen.press("Down");
    await loadTable(more(3, 20));
    await screen.until(/^10\.0\.0\.3 +30 .*\n10\.0\.0\.2 +20 /m);
    screen.press("x");
    await screen.until(/^noted, .*: conntrack -D -s 10\.0\.0\.2 --dry-run$/m);
    // The first row is the first one, whoever is there.
    screen.press("Home");
    await loadTable(more(2, 20));
    await screen.until(/^10\.0\.0\.2 +40 .*\n10\.0\.0\.1 +30 /m);
    screen.press("x");
    await screen.until(/^noted, .*: conntrack -D -s 10\.0\.0\.2 --dry-run$/m);
  });

  it("keeps to a flow likewise", async () => {
    await open(120, "--group-by none");
    await screen.until(/^tcp .* 10\.0\.0\.1:2000 .*\n.* 10\.0\.0\.1:2005 /m);
    screen.press("Down");
    await loadTable(more(0, 1));
    await screen.until(/^tcp .* 10\.0\.0\.0:3000 .*\n.* 10\.0\.0\.1:2000 /m);
    screen.press("x");
    await screen.until(/^noted, .* -s 10\.0\.0\.1 .* --sport 2005 /m);
  });
});
