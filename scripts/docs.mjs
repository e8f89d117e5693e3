/**
 * `npm run docs`: writes man/conntrack.8 and completions/, which are made from the tables in src/cli, and docs/api.md, which is
 * made from the doc comments of the library. They are kept in the repository: test/packaging/documents.test.ts and
 * test/library/api.test.ts fail where they are not what this would write.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { apiDocs } from "./api-docs.mjs";
import { buildLibrary } from "./build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const draft = mkdtempSync(join(root, "node_modules/.docs-"));
try {
  const outfile = join(draft, "documents.mjs");
  await build({
    absWorkingDir: root,
    entryPoints: ["src/cli/docs/documents.ts"],
    outfile,
    bundle: true,
    format: "esm",
  });
  const { documents } = await import(pathToFileURL(outfile).href);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const template = readFileSync(join(root, "man/conntrack.8.in"), "utf8");
  await buildLibrary();
  const all = { ...documents(template, version), "docs/api.md": apiDocs(join(root, "build/types")) };
  for (const [name, text] of Object.entries(all)) {
    const path = join(root, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    console.log(relative(process.cwd(), path));
  }
} finally {
  rmSync(draft, { recursive: true, force: true });
}
