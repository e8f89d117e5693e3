// Writes dist/cli.cache, for bin/conntrack: what V8 makes of dist/cli.cjs, with the functions that a run of -C needs.
const { readFileSync, writeFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { join } = require("node:path");
const { Script } = require("node:vm");

const directory = join(__dirname, "../dist");
const filename = join(directory, "cli.cjs");
const script = new Script(wrap(readFileSync(filename, "utf8")), { filename });
const { exit } = process;
process.exit = () => {
  writeFileSync(join(directory, "cli.cache"), script.createCachedData());
  return exit(0);
};
process.argv = [process.execPath, filename, "-C"];
script.runInThisContext()(exports, require, module, filename, directory);
