// What the producer and the consumer share: the stream in which the events of all hosts are kept.
import { jetstreamManager, StorageType } from "@nats-io/jetstream";

export const STREAM = "CONNTRACK";

/** The subject of a host's events. */
export const subjectOf = (host) => `conntrack.${host}`;

const MINUTE_NS = 60e9;

/** Makes the stream where it is missing. Size and age are for you to choose: `max_bytes`, `max_age`, `num_replicas`. */
export async function makeStream(connection) {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: STREAM,
    subjects: [subjectOf(">")],
    storage: StorageType.File,
    // For so long the server remembers what it has stored: a batch that is sent again meanwhile is stored once.
    duplicate_window: 10 * MINUTE_NS,
  });
}
