/** Work that goes on for a while with sockets of its own: what it holds, and how it ends early. */

import type { Sockets } from "../netlink/backend/socket.js";
import { type NetlinkConnection, openConnection } from "../netlink/connection.js";
import type { StopSignal } from "./options.js";
import { Gate, isTurnOver, nextTurn } from "./turns.js";

/** The parts of an answer, as NetlinkConnection gives them. */
type Parts<Result> = Generator<void, Result, void>;

/** The sockets of one piece of work, and the gate at which it waits for the thread that receives for it. */
export class Work {
  readonly gate = new Gate();
  readonly #connections: NetlinkConnection[] = [];
  readonly #sockets: Sockets;
  /** Where it stands while it is open. */
  readonly #open: Set<{ close(): void }>;

  constructor(sockets: Sockets, open: Set<{ close(): void }>) {
    this.#sockets = sockets;
    this.#open = open;
  }

  connect(): NetlinkConnection {
    const connection = openConnection(this.#sockets);
    this.#connections.push(connection);
    this.#open.add(this);
    return connection;
  }

  /** Closes the sockets. Work that waits goes on, and finds them closed. */
  close(): void {
    for (const connection of this.#connections.splice(0)) connection.close();
    this.#open.delete(this);
    this.gate.open();
  }

  /**
   * The next part: waits for the thread where nothing is there yet, and lets others have their turn.
   * @param check throws where the work is to end early
   */
  async step<Result>(
    parts: Parts<Result>,
    connection: NetlinkConnection,
    check: () => void,
    signal?: StopSignal,
  ): Promise<IteratorResult<void, Result>> {
    for (;;) {
      check();
      const step = parts.next();
      if (step.done || !connection.isWaiting) {
        if (isTurnOver()) await nextTurn();
        return step;
      }
      await this.gate.wait(signal);
    }
  }
}

/** Closes the work of a list that nobody reads to its end or leaves properly, once it is collected. */
export const abandoned = new FinalizationRegistry<Work>((work) => work.close());
