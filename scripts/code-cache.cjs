// Writes dist/cli.cache, for bin/conntrack: what V8 makes of dist/cli.cjs, with the functions that a run of -C needs.
const { readFileSync, writeFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { join } = require("node:path");
const { Script } = require("node:vm");

const directory = join(__dirname, "../dist");
const filename = join(directory, "cli.cjs");
const script = new Script(wrap(readFileSync(filename, "utf8")), { filename });
// The command ends through the addon: it must not end before the cache is written.
const path = join(__dirname, `../prebuilds/linux-${process.arch}/netlink.node`);
const exit = () => {
  writeFileSync(join(directory, "cli.cache"), script.createCachedData());
  process.exit(0);
};
const withExit = Object.create(require(path), { exit: { value: exit } });
Object.assign(require.cache[path] ?? {}, { exports: withExit });
process.argv = [process.execPath, filename, "-C"];
script.runInThisContext()(exports, require, module, filename, directory);
