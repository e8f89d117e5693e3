/**
 * The Debian package: built twice, looked at by lintian, and installed in place of Debian's own in a copy of this machine's
 * root file system (an overlay), with dpkg and apt and their real databases; then the way back.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { freshNetwork } from "../support/command.js";
import { noPackage, packed } from "../support/package.js";
import { root } from "../support/paths.js";
import { lacks, must, type Outcome, spawnCommand } from "../support/process.js";
import { noReference } from "../support/reference.js";
import { isMachineRoot } from "../support/rights.js";
import { lines, PREFIX } from "../support/text.js";

const VERSION = "conntrack v1.4.9 (conntrack-tools)\n";
const SOURCE_DATE_EPOCH = "1700000000";

/** Debian's package, as far as it is installed here. */
const noOriginal =
  noReference || (existsSync("/var/lib/dpkg/info/conntrack.list") ? false : "conntrack is not installed by dpkg");

const architecture = process.arch === "x64" ? "amd64" : process.arch;

describe("the Debian package", { skip: noPackage || lacks("dpkg-deb", "gzip") }, () => {
  let directory: string;
  let executable: string;
  let deb: string;

  async function build(target: string): Promise<string> {
    const { debianPackage } = await import(join(root, "scripts/debian-package.mjs"));
    process.env["SOURCE_DATE_EPOCH"] = SOURCE_DATE_EPOCH;
    mkdirSync(target);
    return debianPackage(executable, process.arch, target);
  }

  before(async () => {
    directory = mkdtempSync("/run/debian-");
    executable = join(packed().content, `prebuilds/linux-${process.arch}/conntrack`);
    deb = await build(join(directory, "one"));
  });

  it("has the same bytes when it is built again", async () => {
    must("cmp", deb, await build(join(directory, "two")));
  });

  it("holds the executable, the man page, completions, copyright and changelog", () => {
    const content = lines(must("dpkg-deb", "-c", deb));
    assert.deepEqual(
      content.filter((line) => !line.startsWith("d")).map((line) => line.replace(/^(\S+) +(\S+) .* \./, "$1 $2 ")),
      [
        "-rwxr-xr-x root/root /usr/sbin/conntrack",
        "-rw-r--r-- root/root /usr/share/bash-completion/completions/conntrack",
        "-rw-r--r-- root/root /usr/share/doc/conntrack-ts/changelog.Debian.gz",
        "-rw-r--r-- root/root /usr/share/doc/conntrack-ts/changelog.gz",
        "-rw-r--r-- root/root /usr/share/doc/conntrack-ts/copyright",
        "-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/conntrack.fish",
        "-rw-r--r-- root/root /usr/share/lintian/overrides/conntrack-ts",
        "-rw-r--r-- root/root /usr/share/man/man8/conntrack.8.gz",
        "-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_conntrack",
      ],
    );
    assert.ok(content.every((line) => line.includes(" 2023-11-14 22:13 ")));
  });

  it("names everybody whose work is in it", () => {
    const copyright = readFileSync(join(root, "packaging/debian/copyright"), "utf8");
    const ours = readFileSync(join(root, "THIRD-PARTY.md"), "utf8");
    const holders = Array.from(ours.matchAll(/Copyright \(c\) [\d-]+ (.*)/g), ([, name]) => name!);
    assert.ok(holders.length >= 5);
    for (const name of holders) assert.ok(copyright.includes(name), name);
  });

  it("is fine with lintian", { skip: lacks("lintian") }, () => {
    const { status, stdout, stderr } = spawnCommand("lintian", ["--allow-root", "--fail-on=error,warning", deb]);
    assert.equal(stdout + stderr, "");
    assert.equal(status, 0);
  });

  describe("in a copy of this machine", {
    skip:
      noOriginal || lacks("dpkg", "apt-get", "chroot") || (isMachineRoot ? false : "needs the machine's root: dpkg"),
  }, () => {
    let machine: string;
    const inside = (...argv: readonly string[]): Outcome => spawnCommand("chroot", [machine, ...argv]);
    /** Runs a program inside, which must succeed. Returns its output. */
    const mustInside = (...argv: readonly string[]): string => must("chroot", machine, ...argv);
    const apt = (...argv: readonly string[]): string =>
      mustInside("apt-get", "-qy", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", ...argv);
    const state = (name: string): string =>
      /^Status: (.*)$/m.exec(inside("dpkg-query", "-s", name).stdout)?.[1] ?? "unknown ok not-installed";

    /** Builds a package in the copy, of a control file and what `fill` puts into its tree; returns its path there. */
    function makeDeb(name: string, control: string, fill: (tree: string) => void): string {
      const tree = join(machine, "root", name);
      mkdirSync(join(tree, "DEBIAN"), { recursive: true });
      writeFileSync(join(tree, "DEBIAN/control"), control);
      fill(tree);
      mustInside("dpkg-deb", "--root-owner-group", "--build", `/root/${name}`, `/root/${name}.deb`);
      return `/root/${name}.deb`;
    }

    /** Debian's package once more, out of its files here and what dpkg knows of it. */
    function repackOriginal(): string {
      const control = must("dpkg-query", "-s", "conntrack").replace(/^Status: .*\n/m, "");
      return makeDeb("original", control, (tree) => {
        for (const path of lines(must("dpkg-query", "-L", "conntrack"))) {
          if (!existsSync(path) || statSync(path).isDirectory()) continue;
          mkdirSync(dirname(join(tree, path)), { recursive: true });
          cpSync(path, join(tree, path));
        }
      });
    }

    let original: string;
    before(() => {
      freshNetwork();
      machine = join(directory, "machine");
      const [upper, work] = [join(directory, "upper"), join(directory, "work")];
      for (const path of [machine, upper, work]) mkdirSync(path);
      must("mount", "-t", "overlay", "overlay", "-o", `lowerdir=/,upperdir=${upper},workdir=${work}`, machine);
      for (const path of ["proc", "dev"]) must("mount", "--rbind", `/${path}`, join(machine, path));
      // dpkg's own files as they are now: somebody may be installing something here.
      const database = join(directory, "dpkg");
      must("cp", "-a", "/var/lib/dpkg", database);
      must("sh", "-c", `rm -f '${database}'/updates/* '${database}'/lock*`);
      must("mount", "--bind", database, join(machine, "var/lib/dpkg"));
      // The index of man pages takes its time, and is not ours.
      writeFileSync(join(machine, "usr/bin/mandb"), "#!/bin/sh\n", { mode: 0o755 });
      original = repackOriginal();
      const dependent = [
        "Package: needs-conntrack",
        "Version: 1",
        "Architecture: all",
        "Maintainer: nobody <nobody@example.org>",
        "Depends: conntrack (>= 1:1.4.7)",
        "Description: something that depends on conntrack",
      ];
      mustInside(
        "dpkg",
        "-i",
        makeDeb("needs", `${dependent.join("\n")}\n`, () => {}),
      );
      cpSync(deb, join(machine, "root/ours.deb"));
    });

    function isOurs(): void {
      // Once somebody has asked for its removal, dpkg says "deinstall ok installed".
      assert.match(state("conntrack-ts"), /install ok installed$/);
      assert.doesNotMatch(state("conntrack"), / installed$/);
      must("cmp", executable, join(machine, "usr/sbin/conntrack"));
    }

    function isOriginal(): void {
      assert.equal(state("conntrack"), "install ok installed");
      assert.doesNotMatch(state("conntrack-ts"), / installed$/);
      must("cmp", "/usr/sbin/conntrack", join(machine, "usr/sbin/conntrack"));
      for (const path of ["usr/share/bash-completion/completions/conntrack", "usr/share/doc/conntrack-ts"]) {
        assert.ok(!existsSync(join(machine, path)), path);
      }
    }

    function allIsWell(): void {
      assert.equal(state("needs-conntrack"), "install ok installed");
      assert.equal(mustInside("dpkg", "--audit", "conntrack-ts", "needs-conntrack"), "");
      apt("check");
    }

    it("takes the place of Debian's by dpkg alone, and what depends on that stays satisfied", () => {
      const { status, stdout, stderr } = inside("dpkg", "-i", "/root/ours.deb");
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^Removing conntrack /im);
      isOurs();
      allIsWell();
    });

    it("works", () => {
      assert.equal(mustInside("conntrack", "-V"), VERSION);
      const flow = "-p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2".split(" ");
      assert.equal(
        inside("conntrack", "-I", ...flow, "-t", "60").stderr,
        `${PREFIX}1 flow entries have been created.\n`,
      );
      assert.match(mustInside("conntrack", "-L"), /^udp /);
      assert.equal(mustInside("conntrack", "-C"), "1\n");
      assert.match(mustInside("sh", "-c", "zcat /usr/share/man/man8/conntrack.8.gz"), /^\.TH CONNTRACK 8/m);
      const completed = "source /usr/share/bash-completion/completions/conntrack && complete -p conntrack";
      assert.match(mustInside("bash", "-c", completed), /conntrack$/m);
    });

    it("is not removed while something depends on it", () => {
      const { status, stderr } = inside("dpkg", "-r", "conntrack-ts");
      assert.match(stderr, /needs-conntrack depends on conntrack/);
      assert.equal(status, 1);
      isOurs();
    });

    it("gives way to Debian's by apt", () => {
      apt("install", original);
      isOriginal();
      allIsWell();
    });

    it("takes its place by apt", () => {
      apt("install", "/root/ours.deb");
      isOurs();
      allIsWell();
    });

    it("leaves nothing when it is removed, and Debian's can be installed again by dpkg alone", () => {
      mustInside("dpkg", "-r", "needs-conntrack");
      mustInside("dpkg", "-r", "conntrack-ts");
      for (const path of [
        "usr/sbin/conntrack",
        "usr/share/man/man8/conntrack.8.gz",
        "usr/share/lintian/overrides/conntrack-ts",
      ]) {
        assert.ok(!existsSync(join(machine, path)), path);
      }
      mustInside("dpkg", "-i", original);
      isOriginal();
      assert.equal(mustInside("dpkg", "--audit", "conntrack"), "");
    });
  });

  it("is for this machine", () => {
    assert.equal(must("dpkg-deb", "-f", deb, "Architecture"), `${architecture}\n`);
  });
});
