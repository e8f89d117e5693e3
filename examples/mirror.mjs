/**
 * Keeps a copy of the table: `node mirror.mjs` prints its size every second; `import { Mirror } from "./mirror.mjs"` to use it.
 *
 * The kernel tells only of flows that began while somebody listened, unless net.netfilter.nf_conntrack_events is 1: set it, or the
 * end of older flows is not heard.
 */
import { pathToFileURL } from "node:url";
import { Conntrack } from "conntrack";

/**
 * The kernel's id alone is a hash of 32 bits, which two flows of a large table can share.
 * @param {import("conntrack").Flow} flow
 */
function keyOf({ id, protocol, zone = 0, orig }) {
  const { src, dst, sport, dport, srckey, dstkey, icmp } = orig;
  return [
    id,
    protocol.number,
    zone,
    src,
    dst,
    sport ?? srckey,
    dport ?? dstkey,
    icmp?.type,
    icmp?.code,
    icmp?.id,
  ].join();
}

export class Mirror {
  /**
   * The flows. An event has no counters; `timeout` is that of the last event.
   * @type {Map<string, import("conntrack").Flow>}
   */
  flows = new Map();
  /** How often the table was listed: once at the start, and after each loss. */
  lists = 0;
  #conntrack;

  /** @param {Conntrack} conntrack */
  constructor(conntrack) {
    this.#conntrack = conntrack;
  }

  /**
   * Follows the table until the signal is aborted. `onList` is told when the copy is complete, again after each loss.
   * @param {{ signal: AbortSignal, onList?: () => void }} options
   */
  async run({ signal, onList = () => {} }) {
    // First the events, then the list: what happens while the table is listed waits in the kernel, and is applied after it.
    const events = this.#conntrack.events({ signal });
    await this.#list(signal);
    onList();
    for await (const item of events) {
      if (item.event === "lost") {
        await this.#list(signal);
        onList();
      } else {
        const { event, time, portid, ...flow } = item;
        const key = keyOf(flow);
        // An update says only what has changed.
        if (event === "destroy") this.flows.delete(key);
        else this.flows.set(key, { ...this.flows.get(key), ...flow });
      }
    }
  }

  /**
   * Events older than the list are applied too. That does no harm: what they say has changed since by events that follow them.
   * @param {AbortSignal} signal
   */
  async #list(signal) {
    for (;;) {
      const flows = new Map();
      let interrupted = false;
      const options = { signal, onInterrupted: () => (interrupted = true) };
      for await (const flow of this.#conntrack.list({}, options)) flows.set(keyOf(flow), flow);
      this.lists++;
      // The table grew while it was read, and entries may be missing.
      if (interrupted) continue;
      this.flows = flows;
      return;
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stop.abort());
  const conntrack = await Conntrack.open();
  const mirror = new Mirror(conntrack);
  const timer = setInterval(() => console.log(`${mirror.flows.size} flows, listed ${mirror.lists} times`), 1000);
  try {
    await mirror.run({ signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearInterval(timer);
    conntrack.close();
  }
}
