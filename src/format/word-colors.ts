/** The colours of words about connections, whatever format they stand in. */
export type WordColor = "green" | "cyan" | "red" | "magenta";

/** States of connections, flags and events: what is well, what begins, what is missing, what ends. */
export const WORD_COLORS: ReadonlyMap<string, WordColor> = new Map(
  (
    [
      ["green", "ESTABLISHED OPEN ASSURED NEW HEARTBEAT_ACKED ok"],
      // Yellow is hardly seen on white.
      ["cyan", "SYN_RECV COOKIE_WAIT COOKIE_ECHOED REQUEST RESPOND PARTOPEN UPDATE HEARTBEAT_SENT"],
      ["red", "SYN_SENT SYN_SENT2 UNREPLIED DESTROY INVALID NONE FULL"],
      [
        "magenta",
        "FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE CLOSED CLOSEREQ CLOSING TIMEWAIT SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT",
      ],
      ["cyan", "OFFLOAD HW_OFFLOAD USERSPACE"],
    ] as const
  ).flatMap(([color, words]) => words.split(" ").map((word) => [word, color] as const)),
);
