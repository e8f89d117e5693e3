/** --color and -o table in pipes and in a pseudo terminal, which script(1) makes. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freshNetwork, oursAsProcess, program } from "../support/command.js";
import { lacks, must } from "../support/process.js";
import { loadTable } from "../support/table.js";
import { lines } from "../support/text.js";

const ESCAPES = /\u001b\[\d+m/g;
const ESCAPE = /\u001b\[\d+m/;
/** What goes by between two runs. */
const timeless = (text: string) => text.replace(/\d+/g, "N").replace(/ +/g, " ");

const FORMATS = ["", "-o extended,id", "-o xml", "-o save", "-o json", "-o table"];

/** What a terminal of this width shows, without its carriage returns; `environment` goes in front of the program. */
function inTerminal(line: string, columns = 80, environment = "TERM=xterm"): string {
  const command = `stty cols ${columns} rows 24; env ${environment} ${program} ${line} 2>/dev/null`;
  return must("script", "-qec", command, "/dev/null").replaceAll("\r\n", "\n");
}

const piped = (line: string) => oursAsProcess(line.split(" ").filter((word) => word !== ""));

describe("colours", { skip: lacks("script", "stty") }, () => {
  before(async () => {
    freshNetwork();
    await loadTable([
      "-I -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 1000 --dport 443 --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 100000",
      "-I -s 10.0.0.2 -d 192.0.2.1 -p udp --sport 1000 --dport 53 -t 100000",
      "-I -s 2001:db8::1 -d 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff -p udp --sport 1000 --dport 53 -t 100000",
    ]);
  });

  for (const format of FORMATS) {
    it(`only when asked for, in a pipe and in a terminal: ${format || "default"}`, () => {
      const plain = piped(`-L ${format}`).stdout;
      assert.doesNotMatch(plain, ESCAPE);
      const colored = piped(`--color=always -L ${format}`).stdout;
      assert.match(colored, ESCAPE);
      assert.equal(timeless(colored.replace(ESCAPES, "")), timeless(plain));
      const shown = inTerminal(`-L ${format} --color`, 300);
      assert.match(shown, ESCAPE);
      assert.equal(timeless(shown.replace(ESCAPES, "")), timeless(plain));
      const unasked = inTerminal(`-L ${format}`, 300);
      if (format === "-o table") assert.match(unasked, ESCAPE);
      else assert.doesNotMatch(unasked, ESCAPE);
    });
  }

  for (const line of [
    "-S",
    "-S -o json",
    "-S --explain",
    "-C -o json",
    "-L --group-by src,state",
    "-G -p tcp -s 10.0.0.1 -d 192.0.2.1 --sport 1000 --dport 443",
    "-D -p udp --sport 1000 --dry-run",
    "-L --all-netns",
  ]) {
    it(`change nothing in a terminal but colours: ${line}`, () => {
      const plain = piped(line).stdout;
      const shown = inTerminal(`${line} --color`, 300);
      assert.match(shown, ESCAPE);
      assert.equal(timeless(shown.replace(ESCAPES, "")), timeless(plain));
    });
  }

  it("of a diagnosis, in a terminal without being asked for", () => {
    const plain = piped("--diagnose --interval 0").stdout;
    assert.doesNotMatch(plain, ESCAPE);
    const shown = inTerminal("--diagnose --interval 0");
    assert.match(shown, /^\u001b\[1mTable\u001b\[22m {6}3 of .* \u001b\[32mok\u001b\[39m$/m);
    assert.equal(timeless(shown.replace(ESCAPES, "")), timeless(plain));
    for (const text of lines(shown)) assert.ok(text.replace(ESCAPES, "").length <= 80, text);
  });

  it("by auto, not where the environment or a pipe says otherwise", () => {
    assert.doesNotMatch(piped("-L --color").stdout, ESCAPE);
    assert.doesNotMatch(piped("-L --color=auto").stdout, ESCAPE);
    assert.match(inTerminal("-L --color=auto", 300, "NO_COLOR= TERM=xterm"), ESCAPE);
    assert.doesNotMatch(inTerminal("-L --color=auto", 300, "NO_COLOR=1 TERM=xterm"), ESCAPE);
    assert.doesNotMatch(inTerminal("-L --color", 300, "TERM=dumb"), ESCAPE);
    assert.doesNotMatch(inTerminal("-L -o table --color=never"), ESCAPE);
    assert.match(inTerminal("-L --color=always", 300, "NO_COLOR=1 TERM=dumb"), ESCAPE);
  });

  it("go with every command, as an alias has them", () => {
    for (const line of ["-C", "-S", "-V", "-h", "-C expect", "-L expect", "-F", "-R /dev/null"]) {
      const { status, stderr } = piped(`--color=always ${line}`);
      assert.equal(status, 0, `${line}: ${stderr}`);
    }
    assert.equal(piped("-L --color=red").status, 2);
    assert.equal(piped("-R /dev/null --color=always").status, 0);
    assert.equal(piped("-R /dev/null --color=red").status, 2, "words of ours count behind the file, too");
  });
});

describe("-o table in a terminal", { skip: lacks("script", "stty") }, () => {
  before(async () => {
    freshNetwork();
    await loadTable([
      "-I -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 1000 --dport 443 --state ESTABLISHED -u ASSURED,SEEN_REPLY -t 100000",
      "-I -s 2001:db8::1 -d 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff -p udp --sport 1000 --dport 53 -t 100000",
    ]);
  });

  it("fits its width, and that of COLUMNS", () => {
    for (const columns of [60, 80, 132]) {
      const shown = lines(inTerminal("-L -o table --color=never", columns));
      assert.equal(shown.length, 3);
      for (const line of shown) assert.ok(line.length <= columns, line);
      const longest = Math.max(...shown.map(({ length }) => length));
      assert.ok(longest > columns - 8, `${longest} of ${columns}`);
      assert.deepEqual(lines(inTerminal("-L -o table --color=never", 200, `COLUMNS=${columns}`)), shown);
    }
    assert.ok(lines(inTerminal("-L -o table --color=never", 60)).some((line) => line.includes("+")));
  });

  it("is full in a pipe", () => {
    const { stdout } = piped("-L -o table");
    assert.match(stdout, /\[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\]:53 /);
  });

  it("shows deletes, and what -G finds, under a heading", () => {
    const { stdout } = piped("-G -o table -p tcp -s 10.0.0.1 -d 192.0.2.1 --sport 1000 --dport 443");
    assert.match(stdout, /^PROTO .*\ntcp +ESTABLISHED 10\.0\.0\.1:1000 +192\.0\.2\.1:443 .*\n$/);
    assert.match(piped("-D -o table -p udp -f ipv6").stdout, /^PROTO .*\nudp +UNREPLIED +\[2001:db8::1\]:1000 .*\n$/);
    assert.equal(piped("-L -o table -p udp").stdout, "");
  });
});
