/** Where -o json is taken, and in which words it is refused. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseLoadFileLine, readArguments } from "../../src/cli/parse.js";
import type { DeleteFlows } from "../../src/command/command.js";
import { UsageError } from "../../src/system/errors.js";
import { testContext } from "./context.js";

const words = (line: string) => line.split(" ");
const parse = (line: string) => readArguments(words(line), testContext());

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return "accepted";
}

const CREATE = "-s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 9";
const FIND_EXPECTATION = "-s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 --reply-port-src 1 --reply-port-dst 2";
const CREATE_EXPECTATION =
  "-s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 -t 9 --tuple-src 3.3.3.3 --tuple-dst 4.4.4.4 " +
  "--mask-src 255.255.255.0 --mask-dst 255.255.255.0 --tuple-port-src 1 --tuple-port-dst 2 --mask-port-src 3 --mask-port-dst 4";

/** Commands that take -o anyway, and those that take it for json alone. */
const TAKE_OUTPUT = [
  "-L",
  "-D",
  "-U -m 1",
  "-E",
  "-L expect",
  "-E expect",
  "-L dying",
  "-G -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2",
];
const TAKE_JSON_ALONE = [
  `-I ${CREATE}`,
  `-A ${CREATE}`,
  "-C",
  "-S",
  "-C expect",
  "-S expect",
  `-I expect ${CREATE_EXPECTATION}`,
  `-G expect ${FIND_EXPECTATION}`,
  `-D expect ${FIND_EXPECTATION}`,
];
const TAKE_NONE = ["-F", "-F expect", "-V", "-h"];

const ILLEGAL = "2 Illegal option `--output' with this command";

describe("-o json", () => {
  for (const line of [...TAKE_OUTPUT, ...TAKE_JSON_ALONE]) {
    it(`${line} takes it`, () => assert.equal(parse(`${line} -o json`).output.json, true));
  }
  for (const line of TAKE_JSON_ALONE) {
    it(`${line} takes no other format`, () => {
      for (const other of ["xml", "id", "extended", "save", "timestamp"]) {
        assert.equal(
          refusal(() => parse(`${line} -o ${other}`)),
          ILLEGAL,
        );
      }
    });
  }
  for (const line of TAKE_NONE) {
    it(`${line} does not take it`, () =>
      assert.equal(
        refusal(() => parse(`${line} -o json`)),
        ILLEGAL,
      ));
  }

  it("may be abbreviated", () => {
    for (const word of ["j", "js", "JSON", "Json"]) assert.equal(parse(`-L -o ${word}`).output.json, true);
    assert.equal(
      refusal(() => parse("-L -o jsonl")),
      "2 Bad parameter `jsonl'",
    );
  });

  it("goes with what it includes anyway", () => {
    const { output } = parse("-L -o id,json,timestamp,ktimestamp -o extended,userspace");
    assert.ok(output.json && output.id);
  });

  it("does not go with xml or save", () => {
    const xml = "1 cannot combine json output with xml output, use one of them";
    const save = "1 cannot combine save output with any other output type, use -o save only";
    assert.equal(
      refusal(() => parse("-L -o json,xml")),
      xml,
    );
    assert.equal(
      refusal(() => parse("-L -o xml -o json")),
      xml,
    );
    assert.equal(
      refusal(() => parse("-L -o json,save")),
      save,
    );
    assert.equal(
      refusal(() => parse("-L -o save -o json")),
      save,
    );
    assert.equal(
      refusal(() => parse("-C -o json,xml")),
      xml,
    );
  });

  it("is taken in a file where its line shows something", () => {
    const load = (line: string) => parseLoadFileLine(words(line), testContext());
    assert.equal((load("-D -o json") as DeleteFlows).output.format, "json");
    assert.equal(
      refusal(() => load(`-I ${CREATE} -o json`)),
      ILLEGAL,
    );
  });

  it("names labels where there is a map, and does not mind where there is none", () => {
    const without = testContext({});
    assert.equal(readArguments(words("-L -o json"), without).labelMap, undefined);
    assert.deepEqual(without.warnings, []);
    const map = testContext({ "/etc/xtables/connlabel.conf": "1 one\n", "/other": "2 two\n" });
    assert.equal(readArguments(words("-L -o json"), map).labelMap?.names[1], "one");
    assert.equal(readArguments(words("-L -o json --labelmap /other"), map).labelMap?.names[2], "two");
    assert.equal(readArguments(words("-L -o xml"), map).labelMap, undefined);
  });

  it("minds where a label was asked for", () => {
    const without = testContext({});
    readArguments(words("-L -o json,labels"), without);
    assert.deepEqual(without.warnings, ["nfct_labelmap_new: No such file or directory"]);
  });
});
