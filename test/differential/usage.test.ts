/** Random command lines that the reference refuses: ours must refuse them in the same words and with the same status. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ours } from "../support/command.js";
import { refused } from "../support/command-name.js";
import type { Outcome } from "../support/process.js";
import { spawnCommand } from "../support/process.js";
import { type Random, random, seed } from "../support/random.js";
import { installed, noReference } from "../support/reference.js";
import { asVersion149 } from "../support/text.js";
import { exclusion } from "./exclusions.js";

const COUNT = 1_500;
/** In batches, so that a run has a few dozen tests and not thousands. */
const BATCH = 50;

const COMMANDS = [
  "-L",
  "-G",
  "-D",
  "-I",
  "-A",
  "-U",
  "-F",
  "-C",
  "-S",
  "-E",
  "--dump",
  "--get",
  "--delete",
  "--create",
  "--update",
  "--add",
  "--flush",
  "--counter",
  "--stats",
  "--event",
  "-V",
  "-L expect",
  "-G expect",
  "-D expect",
  "-I expect",
  "-F expect",
  "-C expect",
  "-S expect",
  "-U expect",
  "-A expect",
  "-L dying",
  "-L unconfirmed",
  "-D dying",
  "-U dying",
  "-C unconfirmed",
  "-L foo",
];

const OPTIONS = [
  "-s 1.1.1.1",
  "-d 2.2.2.2",
  "-r 2.2.2.2",
  "-q 1.1.1.1",
  "--src fd::1",
  "--dst fd::2",
  "--reply-src fd::2",
  "--orig-dst 1.2.3.4",
  "-s 1.1.1.0/24",
  "-d 2.2.0.0/16",
  "-s 1.1.1.1/33",
  "-s 1.1.1.1/x",
  "-s ::1/129",
  "-s bogus",
  "-d 1.1.1.256",
  "-r 1.1.1.1/24",
  "-q fd::/64",
  "--mask-src 255.0.0.0",
  "--mask-dst ffff::",
  "--tuple-src 4.4.4.4",
  "--tuple-dst 5.5.5.5",
  "--tuple-src 4.4.4.0/24",
  "--mask-src 1.1.1.1/8",
  "-p tcp",
  "-p udp",
  "-p icmp",
  "-p icmpv6",
  "-p gre",
  "-p sctp",
  "-p dccp",
  "-p udplite",
  "-p 99",
  "-p esp",
  "-p 256",
  "-p bogus",
  "--proto 6",
  "-t 10",
  "--timeout 100",
  "-u ASSURED",
  "-u BOGUS",
  "-u SEEN_REPLY,",
  "--status fixed",
  "-u ,",
  "-z",
  "-e NEW",
  "-e ALL",
  "-e BOGUS",
  "-a 1.1.1.1",
  "-m 1",
  "-m 0x1/0xff",
  "--mark 5",
  "-f ipv4",
  "-f ipv6",
  "-f ipv5",
  "--family IPV6",
  "-n",
  "-n 9.9.9.9",
  "-g 3.3.3.3:80",
  "-g",
  "-j",
  "-n 9.9.9.9:",
  "-n 9.9.9.9:99999",
  "-g []:80",
  "-g [fd::1",
  "-j 1.1.1.1/24",
  "-n fd::1",
  "-o xml",
  "-o save",
  "-o bogus",
  "-o id,extended",
  "-o save,xml",
  "-o ,",
  "-b 1000",
  "-w 7",
  "--zone 65535",
  "--orig-zone 3",
  "--reply-zone 4",
  "-i 5",
  "--id 1",
  "-c 3",
  "--secmark 3",
  "--sport 1",
  "--dport 2",
  "--reply-port-src 2",
  "--reply-port-dst 1",
  "--orig-port-src 1",
  "--state ESTABLISHED",
  "--state BOGUS",
  "--state OPEN",
  "--icmp-type 8",
  "--icmp-code 0",
  "--icmp-id 9",
  "--icmpv6-type 128",
  "--icmpv6-code 0",
  "--icmpv6-id 9",
  "--srckey 1",
  "--dstkey 2",
  "--orig-vtag 1",
  "--reply-vtag 2",
  "--role client",
  "--role bogus",
  "--tuple-port-src 1",
  "--tuple-port-dst 2",
  "--mask-port-src 1",
  "--mask-port-dst 2",
  "--bogus",
  "-X",
  "-p",
  "-o",
  "-s",
  "--src",
  "--sport",
  "--ori",
  "--mas",
  "--re",
  "--tupl",
  "-t",
  "--",
];

/** What the reference only accepts behind -p, ours anywhere: they are put there. */
const OF_PROTOCOL =
  /^--(sport|dport|(orig|reply|tuple|mask)-port|state|icmp|srckey|dstkey|(orig|reply)-(vtag|key)|role)/;

const IS_PROTOCOL = /^(-p|--proto) /;

/** Options of which 1.4.7 checks no value, or whose effect on what is refused is one of our deviations. */
function commandLine(r: Random): string {
  const command = r.pick(COMMANDS);
  const chosen = r.some(OPTIONS, 1 + r.below(6));
  // The reference keeps the options of an earlier -p, and what they then mean is nobody's business.
  const protocol = chosen.find((one) => IS_PROTOCOL.test(one));
  const options = chosen.filter((one) => !IS_PROTOCOL.test(one) || one === protocol);
  const ordered = [
    ...options.filter((one) => !OF_PROTOCOL.test(one)),
    ...options.filter((one) => OF_PROTOCOL.test(one)),
  ];
  const legal = protocol !== undefined ? ordered : ordered.filter((one) => !OF_PROTOCOL.test(one) || r.once(8));
  // An option whose argument is missing must come last, or it would take the next word.
  const complete = legal.filter((one) => !/^(-[post]|--(src|sport))$/.test(one));
  const bare = legal.find((one) => /^(-[post]|--(src|sport))$/.test(one));
  const words = [...complete, ...(bare === undefined ? [] : [bare])];
  words.splice(r.once(4) && words.length > 1 && bare === undefined ? words.length : 0, 0, command);
  if (r.once(25)) words.splice(0, 0, r.pick(COMMANDS));
  return words.join(" ");
}

/** What the reference says to a command line, where it refuses it; undefined where it would act, or crashes. */
function refusal(argv: readonly string[]): Outcome | undefined {
  try {
    const outcome = spawnCommand(installed!.path, argv, { timeoutMs: 400 });
    return refused(outcome.status, outcome.stderr) ? outcome : undefined;
  } catch {
    // -E waits.
    return undefined;
  }
}

describe(`refused command lines, CONNTRACK_TEST_SEED=${seed}`, { skip: noReference }, () => {
  const r = random(seed);
  for (let batch = 0; batch < COUNT / BATCH; batch++) {
    const all = Array.from({ length: BATCH }, () => commandLine(r)).filter((words) => exclusion(words) === undefined);
    it(`batch ${batch}`, async () => {
      let compared = 0;
      for (const words of all) {
        const argv = words.split(" ");
        const want = refusal(argv);
        if (want === undefined) continue;
        compared++;
        const got = await ours(argv);
        assert.deepEqual(got, { ...want, stderr: asVersion149(want.stderr) }, `conntrack ${words}`);
      }
      assert.ok(compared > BATCH / 10, `only ${compared} of ${all.length} were refused`);
    });
  }
});
