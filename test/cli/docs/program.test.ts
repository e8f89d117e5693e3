/** The commander program and getopt read by the same tables: they must agree. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COMMANDS } from "../../../src/cli/commands.js";
import { helpText } from "../../../src/cli/docs/help.js";
import { buildProgram } from "../../../src/cli/docs/program.js";
import { EXTENSION_NAMES, EXTENSIONS } from "../../../src/cli/extensions.js";
import { Getopt, type OptionSpec } from "../../../src/cli/getopt.js";
import { OPTIONS } from "../../../src/cli/options.js";
import { parseCommandLine } from "../../../src/cli/parse.js";
import { protocolOptions } from "../../../src/cli/protocol-options.js";
import type { Help } from "../../../src/command/command.js";
import { PROTOCOLS } from "../../../src/protocol/protocols.js";
import { testContext } from "../context.js";

interface Spec extends OptionSpec {
  name: string;
  letter?: string | undefined;
  names: readonly string[];
}

/** Every option that a command line can hold. */
function allSpecs(protonum: number): Spec[] {
  return [
    ...Object.values(COMMANDS).map(({ letter, name, argument }) => ({ name, letter, names: [name], argument })),
    ...Object.entries(OPTIONS).map(([name, { letter, synonyms = [], argument }]) => ({
      name,
      letter,
      names: [name, ...synonyms],
      argument,
    })),
    ...EXTENSION_NAMES.map((name) => ({ name, names: [name], argument: EXTENSIONS[name].argument })),
    ...(protocolOptions(protonum)?.options ?? []).map(({ names }) => ({
      name: names[0],
      names,
      argument: "required" as const,
    })),
  ];
}

/** The words as getopt understands them: each option by its first long name, with its value attached. */
function canonical(
  words: readonly string[],
  specs: readonly Spec[],
): { words: string[]; options: [string, string | true][] } {
  const getopt = new Getopt<Spec>(
    ["conntrack", ...words],
    {
      letter: (code) => specs.find(({ letter }) => letter?.charCodeAt(0) === code),
      name: (name) => specs.find(({ names }) => names.includes(name)),
    },
    false,
  );
  const options: [string, string | true][] = [];
  for (let spec = getopt.next(); spec !== undefined; spec = getopt.next()) {
    options.push([spec.name, getopt.value ?? true]);
  }
  return { words: options.map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`)), options };
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, char: string) => char.toUpperCase());
}

describe("the commander program", () => {
  for (const { name, number } of PROTOCOLS) {
    it(`declares all that getopt knows with -p ${name}`, () => {
      for (const { names, letter, argument } of allSpecs(number)) {
        const option = buildProgram(protocolOptions(number)).options.find(({ long }) => long === `--${names[0]}`);
        assert.ok(option, names[0]);
        assert.equal(option.required, argument === "required");
        if (option.short) assert.equal(option.short, `-${letter}`);
      }
    });
  }

  const lines = [
    "-L",
    "-Lz",
    "-L expect -o xml",
    "--dump=expect",
    "-D -s 1.1.1.1 -d2.2.2.2 -p tcp --sport 1 --orig-port-dst=2 --state ESTABLISHED",
    "-E -e NEW,DESTROY -b 5 -n -g 1.1.1.1:80 -j",
    "-U --label-del -m 0x1/0xff -t 5 -u !ASSURED,SEEN_REPLY",
    "-U --label-del=a",
    "-I -[ 1.1.1.1 -] 2.2.2.2 -{ 3.3.3.3 -} 4.4.4.4 -( 1 -) 2 -< a",
    "-L -m -1 -n",
    "-L --bytes 1k- --packets=!5",
  ];
  for (const line of lines) {
    it(`reads getopt's words of: ${line}`, () => {
      const { words, options } = canonical(line.split(" "), allSpecs(6));
      const program = buildProgram(protocolOptions(6)).exitOverride();
      program.parse(words, { from: "user" });
      assert.deepEqual(program.opts(), Object.fromEntries(options.map(([name, value]) => [camelCase(name), value])));
    });
  }
});

describe("help", () => {
  const help = (argv: string) => helpText(parseCommandLine(argv.split(" "), testContext()) as Help);

  it("shows every command and option", () => {
    const text = help("-h");
    for (const name of [
      ...Object.values(COMMANDS).map((row) => row.name),
      ...Object.keys(OPTIONS),
      ...EXTENSION_NAMES,
      "load-file",
    ]) {
      assert.match(text, new RegExp(`--${name}\\b`));
    }
    assert.doesNotMatch(text, /--sport/);
  });

  for (const { name, number } of PROTOCOLS) {
    it(`shows the options of ${name} with -p ${name}`, () => {
      const text = help(`-h -p ${name}`);
      for (const { names } of protocolOptions(number)!.options) {
        for (const option of names) assert.match(text, new RegExp(`--${option}\\b`));
      }
    });
  }

  it("shows nothing more for other protocols", () => assert.equal(help("-h -p 99"), help("-h")));
});
