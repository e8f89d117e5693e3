/**
 * docs/api.md out of the declarations in build/types, which have the doc comments. typedoc needs a TypeScript whose compiler is
 * itself JavaScript, which is not ours; what tsc emits is regular enough to be read line by line.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const INTRODUCTION = `# The library

    import { Conntrack } from "conntrack";

The tables of connection tracking without a child process: the same code as the command's, on the same kernel interface. ESM with
types; \`require("conntrack")\` works too. It takes CAP_NET_ADMIN in the user namespace that owns the network namespace.

This page is made from the doc comments by \`npm run docs\`. The JSON that \`toJson\` makes of flows, expectations and events is the
command's \`-o json\`, described by [conntrack.schema.json](conntrack.schema.json) and [json.md](json.md). Worked examples, which are
run by the tests:

| | |
|---|---|
| [top-sources.mjs](../examples/top-sources.mjs) | the sources that moved most bytes |
| [delete-to.mjs](../examples/delete-to.mjs) | delete all flows to an address |
| [mirror.mjs](../examples/mirror.mjs) | keep a copy of the table: events, list, merge, and again after a loss |
| [events-to-file.mjs](../examples/events-to-file.mjs) | follow events into an NDJSON file, with rotation |
| [prometheus.mjs](../examples/prometheus.mjs) | a Prometheus exporter |
| [fleet](../examples/fleet) | the events of many hosts in one store ([fleet.md](fleet.md)) |

## What to know

- **Lists are read as they are used.** Some 200 flows at a time are in memory; between two such parts other work gets its turn. The
  kernel keeps the rest, however long the reader takes.
- **Events wait in the kernel** for a reader who is slow, in a receive buffer of 128 MiB unless told otherwise. Where it overruns, an
  item \`{ event: "lost", count }\` stands between the events where some are missing. \`events.buffer()\` tells its size and what it
  had no room for. \`events.end()\` hears nothing new and still yields what had happened until then: a program that ends loses nothing.
- **Filters are strict.** They are plain objects. Unknown and undefined properties, empty lists and empty nested objects are refused:
  \`delete({ orig: { dst: undefined } })\` must not mean all flows. So are unknown options: \`delete({}, { dryRun: true })\` fails. Keys
  too: a lost \`id\` or \`zone\` is refused, as is an unknown property of the tuple. Other properties of an item are the caller's.
- **Events need a kernel that makes them.** With \`net.netfilter.nf_conntrack_events=2\`, the kernel's default, a flow has events only
  if it began while somebody on the machine was listening. The end of an older flow is not heard. With 1, every flow has events.
- **64-bit counters are bigints.** Times are text (RFC 3339), because nanoseconds since 1970 fit in no number.
- **Errors** have a \`code\` that does not change; that of a KernelError is the name of its \`errno\`. See the table below.
- **Long work lets others have their turn** about every 4 ms, and a thread waits for the kernel where it searches the table.
- **One known flow costs little.** \`remove\`, \`change\` and their \`…Many\` name a flow by its tuple; \`delete\` and \`update\` search the
  table for what matches a filter.
- **A listed flow is taken** where a new flow, a key or a filter is expected, and so is what \`fromJson\` makes of a line of JSON.
- A \`Conntrack\` works in one thread. Worker threads can have their own; what they leave open is closed when they end.
- **\`using\` works**: \`using conntrack = await Conntrack.open()\`, \`await using events = conntrack.events()\` (Node 20.4 or newer, with a
  compiler or a Node that knows the words).
- What nobody closed is closed when it is collected. Do not rely on it: \`close()\` is sooner.

## Errors by method

A KernelError has \`code\`, \`errno\`, \`syscall\`, \`command\` (the method), and the \`flow\` or \`filter\` as it was given.

| method | what it throws |
|---|---|
| all | \`UsageError\` for arguments that make no sense, before anything is asked of the kernel; \`KernelError\` EPERM without CAP_NET_ADMIN; \`ClosedError\` after close() |
| \`Conntrack.open\` | EACCES or EPERM (\`syscall\` "open" or "setns") for a network namespace that may not be entered; \`UsageError\` where there is none; \`BackendError\` where the addon is missing |
| \`get\`, \`remove\`, \`change\` | no error where there is no such flow: \`undefined\` or \`false\`. EINVAL for a tuple that lacks what its protocol needs |
| \`change\` | ENOSPC where the flow has no room for labels |
| \`create\` | EEXIST, unless \`ifAbsent\`; ENOMEM where the table is full; EINVAL; EOPNOTSUPP for a helper that is not there. Labels are left out without a word where no rule uses labels |
| \`createMany\`, \`removeMany\`, \`changeMany\` | the kernel's answers are counted and given to \`onResult\`; \`firstError\` is the first that was neither ENOENT nor EEXIST. Thrown are EPERM, \`AbortedError\`, a \`UsageError\` for an item, and what the source or \`onResult\` throws. Ours have \`done\`: how many the kernel did |
| \`update\`, \`delete\` | \`AbortedError\` with \`done\`; the first KernelError but ENOENT, with \`done\` |
| \`createExpectation\` | ENOENT where there is no such master; EOPNOTSUPP where the master has no helper; EEXIST; EINVAL |
| \`getExpectation\`, \`removeExpectation\` | no error where there is none: \`undefined\` or \`false\`. EINVAL for a tuple without ports |
| \`list\`, \`groups\`, \`expectations\`, events | the signal's reason once it is aborted |
| \`fromJson\` | \`UsageError\` for a line that is no flow |

## Recipes

Flows of an address list, found in one search and deleted each at its own cost:

    const bad = new Set(["198.51.100.7", "198.51.100.9"]);
    async function* ofThem() {
      for await (const flow of conntrack.list()) if (bad.has(flow.orig.src)) yield flow;
    }
    const { done } = await conntrack.removeMany(ofThem());

A table that is kept over a reboot, as lines of JSON:

    for await (const flow of conntrack.list()) file.write(\`\${toJson(flow)}\\n\`);
    await conntrack.createMany(lines.map(fromJson));

New flows, many at a time, with a result for each:

    await conntrack.createMany(flows, {
      onResult({ item, error }) {
        if (error !== undefined && error.code !== "EEXIST") console.error(error.message, item);
      },
    });

A copy of the table that stays true: subscribe first, then list, then apply what happened since; list again where an item says that
events are lost. [mirror.mjs](../examples/mirror.mjs) does it:

    const mirror = new Mirror(conntrack);
    mirror.run({ signal, onList: () => console.log(mirror.flows.size) });

A log of translations, one line when a flow begins and one when it ends, as carriers must keep:

    for await (const event of conntrack.events({ types: ["new", "destroy"], filter: { snat: true } })) {
      if (event.event === "lost") log(\`\${event.time} \${event.count ?? "some"} events lost\`);
      else {
        const { time, orig, reply } = event;
        log(\`\${time} \${event.event} \${orig.src}:\${orig.sport} as \${reply.dst}:\${reply.dport}\`);
      }
    }

Top talkers: [top-sources.mjs](../examples/top-sources.mjs). Events into a file: [events-to-file.mjs](../examples/events-to-file.mjs).
`;

/** A declaration with its doc comment: those at one depth of a declaration file. */
export function declarations(lines, indent) {
  const found = [];
  let comment = [];
  let raw = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].slice(indent);
    if (lines[i].trim() === "" || /^(import|\/\/\/) /.test(line)) continue;
    if (line.startsWith("/**")) {
      const end = lines.findIndex((one, at) => at >= i && one.includes("*/"));
      raw = lines.slice(i, end + 1);
      comment = raw.map((one) =>
        one
          .slice(indent)
          .replace(/^\/\*\* ?/, "")
          .replace(/\s*\*\/$/, "")
          .replace(/^ \* ?/, ""),
      );
      i = end;
      continue;
    }
    let end = i;
    const closed = (at) => {
      const text = lines.slice(i, at + 1).join("\n");
      const depth = text.replace(/=>/g, "").replace(/[^{}]/g, "");
      return depth.split("{").length === depth.split("}").length && /[;}]$/.test(text);
    };
    while (!closed(end)) end++;
    found.push({ doc: comment.join("\n").trim(), comment: raw, lines: lines.slice(i, end + 1) });
    comment = [];
    raw = [];
    i = end;
  }
  return found;
}

/** Types as readers know them: without the name under which a module imports others. */
const plain = (text) => text.replace(/\bO\./g, "").replace(/\s+/g, " ").trim();

/** What a pattern finds; an error where it finds nothing. */
function match(pattern, text) {
  const found = pattern.exec(text);
  if (found === null) throw new Error(`${pattern} does not match ${text}`);
  return found;
}

const paragraphs = (doc) =>
  doc
    .replace(/^@returns? /gm, "\nReturns ")
    .replace(/^@throws \{(\w+)\} /gm, "\nThrows `$1` ")
    .replace(/\n{3,}/g, "\n\n");

const cell = (text) => text.replace(/\s*\n\s*/g, " ").replaceAll("|", "\\|");

function memberRows(body) {
  const rows = body.map(({ doc, lines }) => {
    const [, name, type] = match(/^(?:readonly |abstract )*(\[.*?\]|[^:=]+)[:=] ?(.*);$/, plain(lines.join(" ")));
    const quote = type.includes("`") ? "``" : "`";
    return `| \`${name.trim()}\` | ${quote}${cell(type)}${quote} | ${cell(doc)} |`;
  });
  return rows.length === 0 ? "" : `\n| | | |\n|---|---|---|\n${rows.join("\n")}\n`;
}

const bodyOf = ({ lines }) => declarations(lines.slice(1, -1), 4);

/** A class whose methods are what matters. */
function methods(name, declaration) {
  const shown = bodyOf(declaration).filter(({ doc }) => doc !== "");
  return shown
    .map(({ doc, lines }) => {
      const signature = plain(lines.join(" ")).replace(/;$/, "");
      const [, isStatic, method] = match(/^(static |readonly )?(\w+|\[[\w.]+\])/, signature);
      const call = isStatic === "static " ? `${name}.${method}` : method;
      return `### ${call}\n\n\`\`\`ts\n${signature}\n\`\`\`\n\n${paragraphs(doc)}\n`;
    })
    .join("\n");
}

function section(name, declaration) {
  const { doc, lines } = declaration;
  const [head] = lines;
  const extending = plain(/ extends (.*) \{$/.exec(head)?.[1] ?? "");
  const heritage =
    extending === "" || extending === "Error" ? "" : `\nBesides what ${extending.replace(", ", " and ")} has.\n`;
  if (/\bclass Conntrack\b/.test(head)) return `## ${name}\n\n${paragraphs(doc)}\n\n${methods(name, declaration)}`;
  if (/\bfunction\b/.test(head)) {
    return `## ${name}\n\n\`\`\`ts\n${plain(lines.join(" ")).replace(/^export declare |;$/g, "")}\n\`\`\`\n\n${paragraphs(doc)}\n`;
  }
  if (/\b(interface|class)\b/.test(head)) {
    const body = bodyOf(declaration).filter(({ lines: [first] }) => !/^\s*(private )?constructor\b/.test(first));
    return `### ${name}\n\n${paragraphs(doc)}\n${heritage}${memberRows(body)}`;
  }
  const type = plain(lines.join(" ")).replace(/^export |;$/g, "");
  return `### ${name}\n\n\`\`\`ts\n${type}\n\`\`\`\n\n${paragraphs(doc)}\n`;
}

const TITLES = {
  "./library/options.js": "Options, events, statistics",
  "./library/filter.js": "Filters",
  "./library/flow.js": "Flows",
  "./library/groups.js": "Groups",
  "./library/expectation.js": "Expectations",
  "./library/requests.js": "New flows and changes",
  "./library/expectation-requests.js": "New expectations",
  "./system/errors.js": "Errors",
};

/** Spells out types that are the members of a constant list. */
function withNames(text, dist) {
  const paths = ["ctnetlink/names", "ctnetlink/events", "ctnetlink/stats", "protocol/protocols", "tally/names"];
  const lists = paths.map((path) => readFileSync(join(dist, `${path}.d.ts`), "utf8")).join("");
  return text.replace(/\(typeof (\w+)\)\[number\]/g, (_, name) => {
    const [, members] = match(new RegExp(`const ${name}: readonly \\[([^\\]]*)\\]`), lists);
    return members.split(", ").join(" | ");
  });
}

/** The text of docs/api.md, by the declarations that tsc put below `dist`: build/types. */
export function apiDocs(dist) {
  const index = readFileSync(join(dist, "index.d.ts"), "utf8");
  const modules = Array.from(
    index.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)";/gm),
    ([, names = "", path = ""]) => ({
      path,
      names: names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    }),
  );
  const sections = ({ path, names }) => {
    const text = readFileSync(join(dist, path.replace(/\.js$/, ".d.ts")), "utf8");
    const all = declarations(text.split("\n"), 0);
    const named = all.flatMap((one) => {
      const name = /\b(?:class|function|interface|type) (\w+)/.exec(one.lines[0])?.[1];
      return names.includes(name) ? [section(name, one)] : [];
    });
    if (named.length !== names.length) throw new Error(`${path}: not all of ${names.join(", ")} were found`);
    return named.join("\n");
  };
  const byPath = (path) => {
    const module = modules.find((module) => module.path === path);
    if (module === undefined) throw new Error(`src/index.ts exports nothing of ${path}`);
    return sections(module);
  };
  const first = ["./library/conntrack.js", "./format/json.js", "./library/from-json.js"].map(byPath);
  const rest = Object.entries(TITLES).map(([path, title]) => `## ${title}\n\n${byPath(path)}`);
  if (first.length + rest.length !== modules.length) throw new Error("a module of src/index.ts has no title here");
  return `${withNames([INTRODUCTION, ...first, ...rest].join("\n"), dist).trimEnd()}\n`;
}
