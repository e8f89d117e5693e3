/**
 * A Debian package of the executable, its man page and its completions. It is called conntrack-ts, because a package of the
 * name conntrack would be replaced by the next version of Debian's. It provides, conflicts with and replaces Debian's, so
 * that what depends on that stays satisfied, and either takes the other's place.
 *
 * The same input gives the same bytes: times are SOURCE_DATE_EPOCH, or the time of the last commit.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./build.mjs";
import { run } from "./npm-package.mjs";

const NAME = "conntrack-ts";

/** Debian's names of architectures. */
export const DEBIAN_ARCHITECTURES = { x64: "amd64", arm64: "arm64" };

/** Where the files of the repository go. */
const FILES = {
  "completions/conntrack": "usr/share/bash-completion/completions/conntrack",
  "completions/_conntrack": "usr/share/zsh/vendor-completions/_conntrack",
  "completions/conntrack.fish": "usr/share/fish/vendor_completions.d/conntrack.fish",
  "packaging/debian/copyright": `usr/share/doc/${NAME}/copyright`,
  "packaging/debian/lintian-overrides": `usr/share/lintian/overrides/${NAME}`,
};

/** Those that Debian wants compressed. */
const COMPRESSED = {
  "man/conntrack.8": "usr/share/man/man8/conntrack.8.gz",
  "CHANGELOG.md": `usr/share/doc/${NAME}/changelog.gz`,
};

/** As Debian's own tools take it from the environment. Debian wants an address, and there is none that is public yet. */
function maintainer() {
  const { DEBFULLNAME = "conntrack-ts authors", DEBEMAIL = "nobody@conntrack-ts.invalid" } = process.env;
  return `${DEBFULLNAME} <${DEBEMAIL}>`;
}

/** Seconds since 1970. */
function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  const { status, stdout } = spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error("no git here to tell the time of this version: set SOURCE_DATE_EPOCH");
  return Number(stdout);
}

function gzip(content) {
  const { status, stdout, error } = spawnSync("gzip", ["-9n"], { input: content });
  if (status !== 0) throw new Error(`gzip: ${error?.message ?? `status ${status}`}`);
  return stdout;
}

/** The date as RFC 5322 has it. */
function changelogDate(seconds) {
  return new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
}

/** The paths of all files below a directory. */
function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(directory, path)).isFile())
    .sort();
}

/** What debian/control and debian/changelog would be made into. */
function writeControl(tree, values) {
  const md5 = (path) =>
    createHash("md5")
      .update(readFileSync(join(tree, path)))
      .digest("hex");
  const paths = filesBelow(tree);
  const size = paths.reduce((sum, path) => sum + Math.ceil(statSync(join(tree, path)).size / 1024), 0);
  const template = readFileSync(join(root, "packaging/debian/control"), "utf8");
  const control = template.replace(/@(\w+)@/g, (_, name) => ({ ...values, SIZE: size })[name]);
  mkdirSync(join(tree, "DEBIAN"));
  writeFileSync(join(tree, "DEBIAN/md5sums"), paths.map((path) => `${md5(path)}  ${path}\n`).join(""));
  writeFileSync(join(tree, "DEBIAN/control"), control);
}

/** Modes and times that do not depend on who builds, where and when. */
function settle(tree, seconds) {
  const visit = (path) => {
    const isDirectory = statSync(path).isDirectory();
    if (isDirectory) for (const name of readdirSync(path)) visit(join(path, name));
    chmodSync(path, isDirectory || path === join(tree, "usr/sbin/conntrack") ? 0o755 : 0o644);
    utimesSync(path, seconds, seconds);
  };
  visit(tree);
}

/**
 * Builds a package and returns its path.
 * @param {string} executable of the architecture `arch` (as in process.arch)
 * @param {string} directory for the package
 */
export function debianPackage(executable, arch, directory) {
  const { version: upstream } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = `${upstream}-1`;
  const seconds = sourceDate();
  const tree = mkdtempSync(join(tmpdir(), "conntrack-debian-"));
  const write = (path, content) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  };
  try {
    write("usr/sbin/conntrack", readFileSync(executable));
    for (const [source, target] of Object.entries(FILES)) write(target, readFileSync(join(root, source)));
    for (const [source, target] of Object.entries(COMPRESSED)) write(target, gzip(readFileSync(join(root, source))));
    const entry = [
      `${NAME} (${version}) unstable; urgency=medium`,
      `  * Version ${upstream}: changelog.gz tells what is new.`,
      ` -- ${maintainer()}  ${changelogDate(seconds)}`,
    ];
    write(`usr/share/doc/${NAME}/changelog.Debian.gz`, gzip(`${entry.join("\n\n")}\n`));
    const values = { VERSION: version, ARCHITECTURE: DEBIAN_ARCHITECTURES[arch], MAINTAINER: maintainer() };
    writeControl(tree, values);
    settle(tree, seconds);
    const output = join(directory, `${NAME}_${version}_${values.ARCHITECTURE}.deb`);
    // With the time in it, dpkg-deb dates the archive's own members so too.
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds) };
    run("dpkg-deb", ["--root-owner-group", "-Zxz", "--threads-max=1", "--build", tree, output], root, env);
    return output;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
