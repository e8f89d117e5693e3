// What the producer and the consumer share: the stream that keeps the events of all hosts.
import { JetStreamApiCodes, jetstreamManager, StorageType } from "@nats-io/jetstream";

export const STREAM = "CONNTRACK";

/** The subject of a host's events. */
export const subjectOf = (host) => `conntrack.${host}`;

const MINUTE_NS = 60e9;

/** Makes the stream if there is none yet. Its size and age are yours to choose: `max_bytes`, `max_age`, `num_replicas`. */
export async function makeStream(connection) {
  const { streams } = await jetstreamManager(connection);
  try {
    await streams.info(STREAM);
  } catch (error) {
    if (error.code !== JetStreamApiCodes.StreamNotFound) throw error;
    await streams.add({
      name: STREAM,
      subjects: [subjectOf(">")],
      storage: StorageType.File,
      // The server remembers the numbers of batches for so long. A batch that is sent again later than that is stored twice.
      duplicate_window: 10 * MINUTE_NS,
    });
  }
}
