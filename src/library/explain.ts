/** The kernel's errors as Node people know them: with what was asked for, and what the errno means for it. */
import * as E from "../system/errno.js";
import { KernelError } from "../system/errors.js";

/** What a method was about. */
export interface Request {
  /** The method's name. */
  readonly command: string;
  readonly flow?: object | undefined;
  readonly filter?: object | undefined;
}

interface Meaning {
  errno: number;
  /** The methods; absent: all. */
  on?: readonly string[];
  text: string;
}

/** In the order in which they are looked for. */
const MEANINGS: readonly Meaning[] = [
  { errno: E.EPERM, text: "it takes CAP_NET_ADMIN in the user namespace that owns the network namespace" },
  { errno: E.EEXIST, on: ["createExpectation"], text: "an expectation for this tuple is there already" },
  { errno: E.EEXIST, text: "a flow with one of these tuples is there already" },
  { errno: E.ENOENT, on: ["createExpectation"], text: "there is no such master flow" },
  { errno: E.EINVAL, on: ["createExpectation"], text: "the kernel takes no expectation like this" },
  {
    errno: E.EINVAL,
    on: ["getExpectation", "removeExpectation"],
    text: "the tuple lacks an address or a port: 0 stands for any port",
  },
  { errno: E.ENOENT, text: "there is no such flow" },
  { errno: E.ENOMEM, text: "the table is full, or memory ran out" },
  { errno: E.EBUSY, text: "the status would change in a way that the kernel does not allow" },
  { errno: E.ENOSPC, text: "the flow has no room for labels: no rule uses any, or it began before one did" },
  {
    errno: E.EINVAL,
    text: "the kernel takes no flow like this: an address, a port, a state or the timeout is missing or wrong",
  },
  { errno: E.EOPNOTSUPP, text: "the kernel lacks what was asked for: a helper, NAT, labels or a protocol" },
  { errno: E.ETIME, text: "the flow had expired before it was created" },
  { errno: E.ENOBUFS, text: "answers were lost: what was asked for may be done or not" },
];

/** System calls whose errors say all there is to say. */
const OF_THE_SYSTEM = ["socket", "bind", "open", "setns"];

/** Adds to an error of the kernel what it was about. Other errors stay as they are. */
export function explain(
  error: unknown,
  { command, flow, filter }: Request,
  strerror: (errno: number) => string,
): unknown {
  if (!(error instanceof KernelError) || OF_THE_SYSTEM.includes(error.syscall)) return error;
  error.command = command;
  if (flow !== undefined) error.flow = flow;
  if (filter !== undefined) error.filter = filter;
  const { errno, code } = error;
  const meaning = MEANINGS.find((one) => one.errno === errno && (one.on?.includes(command) ?? true));
  error.message = `${code}: ${meaning?.text ?? strerror(errno)}, ${command}`;
  return error;
}
