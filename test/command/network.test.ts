/** Which network namespaces --all-netns finds, on a machine that is made up; and lines that say which one they are of. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Context } from "../../src/command/context.js";
import { markedLines } from "../../src/command/marked-output.js";
import { enterEachNetwork, type Network } from "../../src/command/network.js";
import { EACCES, EINVAL, ENOENT, EPERM } from "../../src/system/errno.js";
import { KernelError } from "../../src/system/errors.js";
import { fromUtf8, toUtf8 } from "../../src/system/text.js";

/** Files to the number of their namespace, or to the errno (negative) of entering or opening them. */
interface Machine {
  own: number;
  files: Readonly<Record<string, number>>;
  /** Processes that nobody may look at. */
  hidden?: readonly string[];
}

function walk({ own, files, hidden = [] }: Machine): { found: Network[]; failed: string[]; stderr: string } {
  let current = own;
  let stderr = "";
  const namesIn = (directory: string) =>
    Object.keys(files).flatMap((path) =>
      path.startsWith(`${directory}/`) ? [path.split("/")[directory.split("/").length]!] : [],
    );
  const context: Partial<Context> & Pick<Context, "backend"> = {
    backend: { strerror: (errno: number) => `errno ${errno}` } as Context["backend"],
    stderr: { write: (bytes) => void (stderr += fromUtf8(bytes)) },
    readDirectory(directory) {
      const names = namesIn(directory);
      if (names.length === 0) throw Object.assign(new Error(), { errno: -ENOENT });
      return [...names, ...(directory === "/proc" ? [...hidden, "net", "self"] : [])];
    },
    readLink(path) {
      if (path === "/proc/thread-self/ns/net") return `net:[${current}]`;
      if (hidden.some((pid) => path.startsWith(`/proc/${pid}/`))) throw Object.assign(new Error(), { errno: -EACCES });
      return `net:[${Math.abs(files[path]!)}]`;
    },
    readFile: (path) => toUtf8(`of ${path.split("/")[2]}\n`),
    enterNetwork(path) {
      const target = files[path]!;
      if (target < 0) throw new KernelError(-target, -target === ENOENT ? "open" : "setns");
      current = target;
    },
  };
  const failed: string[] = [];
  const found = [
    ...enterEachNetwork(context as Context, ({ name }, error) => failed.push(`${name}: ${error.message}`)),
  ];
  return { found, failed, stderr };
}

const name = ({ name }: Network) => name;

describe("--all-netns finds", () => {
  test("names first, then processes, each namespace once", () => {
    const { found, failed, stderr } = walk({
      own: 100,
      files: {
        "/run/netns/red": 300,
        "/run/netns/blue": 200,
        "/run/docker/netns/0123456789ab": 400,
        "/run/docker/netns/red-again": 300,
        "/proc/20/ns/net": 200,
        "/proc/9/ns/net": 200,
        "/proc/1/ns/net": 100,
        "/proc/7/ns/net": 500,
        "/proc/8/ns/net": 500,
      },
    });
    assert.deepEqual(found.map(name), ["blue", "red", "0123456789ab", "pid 1 of 1", "pid 7 of 7"]);
    assert.deepEqual(
      found.map(({ where, pid, inode }) => [where, pid, inode]),
      [
        ["blue", 9, 200],
        ["red", undefined, 300],
        ["/run/docker/netns/0123456789ab", undefined, 400],
        ["1", 1, 100],
        ["7", 7, 500],
      ],
    );
    assert.deepEqual([failed, stderr], [[], ""]);
  });

  test("what has gone meanwhile, or has no namespace behind it, is passed over", () => {
    const { found, failed } = walk({
      own: 100,
      files: {
        "/run/netns/gone": -ENOENT,
        "/run/netns/stale": -EINVAL,
        "/run/netns/there": 200,
        "/proc/5/ns/net": -ENOENT,
      },
    });
    assert.deepEqual(found.map(name), ["there"]);
    assert.deepEqual(failed, []);
  });

  test("what cannot be entered is told, and its own namespace takes no right", () => {
    const { found, failed, stderr } = walk({
      own: 100,
      files: { "/run/netns/blue": -EPERM, "/proc/1/ns/net": 100 },
      hidden: ["30", "31"],
    });
    assert.deepEqual(found.map(name), ["pid 1 of 1"]);
    assert.deepEqual(failed, ["blue: cannot enter network namespace: errno 1 (it takes CAP_SYS_ADMIN)"]);
    assert.match(stderr, /WARNING: the network namespaces of 2 processes cannot be read: permission denied\n$/);
  });
});

describe("marked lines", () => {
  const marked = (at: 0 | 1, mark: string, chunks: readonly string[]) => {
    let text = "";
    const sink = markedLines({ write: (bytes) => void (text += fromUtf8(bytes)) }, toUtf8(mark), at);
    for (const chunk of chunks) sink.write(toUtf8(chunk));
    return text;
  };
  const long = "x".repeat(200_000);

  for (const [at, mark, wanted] of [
    [0, "[a] ", `[a] {1}\n[a] \n[a] {${long}}\n[a] {end`],
    [1, "M,", `{M,1}\n\n{M,${long}}\n{M,end`],
  ] as const) {
    const text = `{1}\n\n{${long}}\n{end`;
    test(`from byte ${at} on, however they are cut`, () => {
      assert.equal(marked(at, mark, [text]), wanted);
      assert.equal(marked(at, mark, [text.slice(0, 1), text.slice(1, 4), "", text.slice(4, 6), text.slice(6)]), wanted);
      assert.equal(marked(at, mark, [...text.slice(0, 9), text.slice(9)]), wanted);
    });
  }
});
