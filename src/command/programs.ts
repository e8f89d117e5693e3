/** Which program owns a netlink socket, by its port id: for the suffix of events that a program brought about. */

import type { MessageView } from "../ctnetlink/view.js";
import { fromUtf8 } from "../system/text.js";
import type { Context } from "./context.js";

const NETLINK_NETFILTER = "12";
/** A name is remembered for so long: port ids are reused, and looking one up reads much of /proc. */
const REMEMBER_MICROS = 10e6;
const REMEMBER_MOST = 1024;

/** What looking a name up takes. */
export type ProcFiles = Pick<Context, "nowMicroseconds" | "readFile" | "readDirectory" | "readLink">;

interface Known {
  name: Uint8Array | undefined;
  /** In microseconds since 1970. */
  until: number;
}

/** Names of programs by port id. A name that cannot be found is undefined, and remembered as such. */
export class ProgramNames {
  readonly #context: ProcFiles;
  readonly #known = new Map<number, Known>();

  constructor(context: ProcFiles) {
    this.#context = context;
  }

  of(portId: number): Uint8Array | undefined {
    return this.#lookUp(portId).name;
  }

  /** The name of the program that brought about the event under a view. */
  ofEvent(view: MessageView): Uint8Array | undefined {
    const { name, until } = this.#lookUp(view.portId);
    view.holdsUntil(until);
    return name;
  }

  #lookUp(portId: number): Known {
    const now = this.#context.nowMicroseconds();
    const known = this.#known.get(portId);
    if (known !== undefined && known.until > now) return known;
    const fresh = { name: this.#find(portId), until: now + REMEMBER_MICROS };
    if (this.#known.size >= REMEMBER_MOST) this.#known.clear();
    this.#known.set(portId, fresh);
    return fresh;
  }

  #find(portId: number): Uint8Array | undefined {
    const inode = this.#inode(portId);
    if (inode === undefined) return undefined;
    const socket = `socket:[${inode}]`;
    // Most programs let the kernel choose, and it chooses their process id first.
    if (this.#owns(String(portId), socket)) return this.#name(String(portId));
    const owner = this.#list("/proc").find((pid) => /^\d+$/.test(pid) && this.#owns(pid, socket));
    return owner === undefined ? undefined : this.#name(owner);
  }

  /** The inode of the socket: the last column of /proc/net/netlink, whose second and third are protocol and port id. */
  #inode(portId: number): string | undefined {
    try {
      const text = fromUtf8(this.#context.readFile("/proc/net/netlink"));
      for (const line of text.split("\n")) {
        const columns = line.trim().split(/\s+/);
        if (columns[1] === NETLINK_NETFILTER && columns[2] === String(portId)) return columns.at(-1);
      }
    } catch {
      // No /proc, no names.
    }
    return undefined;
  }

  #owns(pid: string, socket: string): boolean {
    return this.#list(`/proc/${pid}/fd`).some((fd) => {
      try {
        return this.#context.readLink(`/proc/${pid}/fd/${fd}`) === socket;
      } catch {
        return false;
      }
    });
  }

  #list(directory: string): string[] {
    try {
      return this.#context.readDirectory(directory);
    } catch {
      return [];
    }
  }

  #name(pid: string): Uint8Array | undefined {
    try {
      const comm = this.#context.readFile(`/proc/${pid}/comm`);
      return comm.subarray(0, comm.at(-1) === 0x0a ? -1 : undefined);
    } catch {
      return undefined;
    }
  }
}
