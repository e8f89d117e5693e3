/**
 * `npm run pictures [-- NAME…]`: draws docs/pictures/NAME-light.svg and NAME-dark.svg, pictures of bin/conntrack at work. Each shows
 * what commands print, in colour, run one after the other in a network namespace of its own, on a table that is made for it. It
 * takes root, or the right to make user namespaces.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { terminalPicture } from "./terminal-picture.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const conntrack = join(root, "bin/conntrack");
const COLUMNS = 100;
/** What a picture is wide. */
const WIDTH = 88;

/**
 * Lines of -R: `count` flows of TCP.
 * @param {number} count
 * @param {(n: number) => { src: string, dst: string, dport: number, state: string, timeout: number, more?: string }} flow
 */
const tcp = (count, flow) =>
  Array.from({ length: count }, (_, n) => {
    const { src, dst, dport, state, timeout, more = "" } = flow(n);
    return `-A -p tcp -s ${src} -d ${dst} --sport ${1024 + (n % 60000)} --dport ${dport} --state ${state} -t ${timeout} ${more}`;
  });

const ASSURED = "-u SEEN_REPLY,ASSURED";

/** A gateway: one machine scans, one has many connections, others use the same service. */
function gateway() {
  return [
    ...tcp(2400, (n) => ({
      src: "10.2.17.33",
      dst: `192.0.${n >> 8}.${n & 255}`,
      dport: 22,
      state: "SYN_SENT",
      timeout: 100,
    })),
    ...tcp(1310, () => ({
      src: "10.0.0.12",
      dst: "203.0.113.9",
      dport: 443,
      state: "ESTABLISHED",
      timeout: 425_000,
      more: `${ASSURED} --src-nat 198.51.100.2`,
    })),
    ...tcp(640, (n) => ({
      src: `10.0.1.${1 + (n % 200)}`,
      dst: `203.0.113.${n % 7}`,
      dport: 443,
      state: n % 5 === 0 ? "TIME_WAIT" : "ESTABLISHED",
      timeout: n % 5 === 0 ? 90 : 431_000,
      more: `${ASSURED} --src-nat 198.51.100.2`,
    })),
  ];
}

/** Idle connections of one source, up to the kernel's limit. */
function full() {
  const limit = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
  return tcp(limit - 20, (n) => ({
    src: n % 3 === 0 ? `10.${1 + (n % 40)}.0.${n % 251}` : "10.0.0.12",
    dst: `203.0.113.${9 + Math.floor(n / 60000)}`,
    dport: 443,
    state: n % 12 === 0 ? "CLOSE_WAIT" : "ESTABLISHED",
    timeout: n % 12 === 0 ? 50 : 432_000 - (n % 4 === 0 ? 200 : 20_000 + (n % 9) * 11_000),
    more: ASSURED,
  }));
}

/** A screen is a terminal whose first command is a view that goes on: what it shows after so many seconds is the picture. */
/** @typedef {{ rows: number, seconds: number }} Screen */
/** @typedef {{ flows: () => string[], meanwhile?: string, commands: readonly string[], screen?: Screen }} Picture */

/** @type {Readonly<Record<string, Picture>>} */
const PICTURES = {
  overview: {
    flows: gateway,
    commands: [
      "conntrack -L -p tcp --group-by src,dport --limit 4",
      "conntrack -L -s 10.0.0.12 --sort expires:asc --limit 3 -o table",
      "conntrack -C -p tcp --dport 22,80,8000-8100 --state SYN_SENT",
    ],
  },
  diagnose: {
    flows: full,
    // New connections, for which there is no room.
    meanwhile: `ip link set lo up
      nft 'table ip t { chain c { type filter hook output priority 0; ct state new accept; }; }'
      for n in $(seq 1 60000); do echo > /dev/udp/127.0.0.1/$((1000 + n)); done 2>/dev/null`,
    commands: ["conntrack --diagnose"],
  },
  top: {
    flows: gateway,
    // Machines of the gateway that send: a stream, a slower one, and a scan.
    meanwhile: `sysctl -qw net.netfilter.nf_conntrack_acct=1
      ip link set lo up
      for address in 10.0.0.12 10.0.1.7 10.2.17.33 203.0.113.9; do ip address add $address/32 dev lo; done
      nft 'table ip t { chain c { type filter hook output priority 0; ct state new accept; }; }'
      hostname gateway
      socat UDP-LISTEN:443,bind=203.0.113.9,fork PIPE &
      sleep 1
      stream() { while head -c $1 /dev/zero; do sleep 0.1; done | socat -u -b 1400 - UDP:203.0.113.9:$3,bind=$2; }
      stream 150000 10.0.0.12 443 &
      stream 30000 10.0.1.7 443 &
      while echo | socat -u - UDP:203.0.113.9:22,bind=10.2.17.33; do sleep 0.05; done`,
    commands: ["conntrack --top --group-by src,dport --interval 2"],
    screen: { rows: 18, seconds: 9 },
  },
};

/** @param {string} file @param {readonly string[]} argv @param {string} [input] */
function run(file, argv, input = "") {
  const env = { ...process.env, COLUMNS: String(COLUMNS), LC_ALL: "C.UTF-8" };
  const { status, error, stdout, stderr } = spawnSync(file, argv, { input, env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** What tmux shows of a view. @param {string} command @param {Screen} screen */
function capture(command, { rows, seconds }) {
  const directory = mkdtempSync(join(tmpdir(), "picture-"));
  /** @param {string[]} words */
  const tmux = (...words) => run("tmux", ["-u", "-f", "/dev/null", "-S", join(directory, "socket"), ...words]).stdout;
  tmux(
    "new-session",
    "-d",
    "-x",
    String(WIDTH),
    "-y",
    String(rows),
    `${conntrack} ${command.split(" ").slice(1).join(" ")}`,
    ";",
    "set",
    "status",
    "off",
  );
  spawnSync("sleep", [String(seconds)]);
  const text = tmux("capture-pane", "-e", "-p");
  tmux("kill-server");
  rmSync(directory, { recursive: true });
  return text.trimEnd();
}

/** What the terminal shows. Runs in the namespace. @param {Picture} picture */
function show({ flows, meanwhile, commands, screen }) {
  const { status, stderr } = run(conntrack, ["-R", "-"], `${flows().join("\n")}\n`);
  if (status !== 0) throw new Error(`-R: status ${status}: ${stderr}`);
  const busy =
    meanwhile === undefined ? undefined : spawn("bash", ["-c", meanwhile], { stdio: "ignore", detached: true });
  if (screen !== undefined) {
    const text = capture(/** @type {string} */ (commands[0]), screen);
    if (busy?.pid !== undefined) process.kill(-busy.pid);
    return text;
  }
  const lines = commands.flatMap((command) => {
    const words = command.split(" ").slice(1);
    const outcome = run(conntrack, ["--color=always", ...words]);
    const output = `${outcome.stdout}${outcome.stderr}`.trimEnd().split("\n");
    return ["", `\x1b[90m#\x1b[39m \x1b[1m${command}\x1b[22m`, ...output];
  });
  if (busy?.pid !== undefined) process.kill(-busy.pid);
  return lines.slice(1).join("\n");
}

const [inside, ...names] = process.argv.slice(2);
if (inside === "--inside") {
  process.stdout.write(show(/** @type {Picture} */ (PICTURES[names[0] ?? ""])));
} else {
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  for (const name of inside === undefined ? Object.keys(PICTURES) : [inside, ...names]) {
    if (!(name in PICTURES)) throw new Error(`no picture "${name}"; there are: ${Object.keys(PICTURES).join(", ")}`);
    const argv = [...user, "--net", "--uts", process.execPath, fileURLToPath(import.meta.url), "--inside", name];
    const { status, stdout, stderr } = run("unshare", argv);
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    const directory = join(root, "docs/pictures");
    mkdirSync(directory, { recursive: true });
    for (const theme of /** @type {const} */ (["light", "dark"])) {
      const path = join(directory, `${name}-${theme}.svg`);
      writeFileSync(path, terminalPicture(stdout, { title: "root@gateway", columns: WIDTH, theme }));
      console.log(path);
    }
  }
}
