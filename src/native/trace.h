/*
 * Traces: what TypeScript did with one netlink message, to be done again with others like it. src/trace/recorder.ts
 * writes them. Nothing here knows what a message means. Every trace is checked once, when it is added: what it reads
 * lies within its messages and its constants, and what it writes has a limit.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>

/* The traces of one listing. */
struct traces;

/* NULL where there is no memory. */
struct traces *traces_new(void);
void traces_free(struct traces *traces);

/*
 * Adds a trace for messages of `length` bytes: those whose bits under `mask` are those of `pattern`, the sequence
 * number apart. `program` is instructions of four words (OPERATIONS in src/netlink/backend/traces.ts), `constants` what
 * they copy and compare with. Where there are enough traces, the one that went unused for longest makes room. 0, or
 * -errno: EINVAL for a trace that would read or write out of bounds.
 */
int traces_add(struct traces *traces, const uint8_t *mask, const uint8_t *pattern, size_t length,
               const uint16_t *program, size_t words, const uint8_t *constants, size_t constants_length);

/* Takes back the trace that was added last. */
void traces_drop(struct traces *traces);

/*
 * Why a run ended: no message is left; one that no trace fits; no room for what the next one writes, chooses or adds to
 * a table.
 */
enum { RUN_END, RUN_UNKNOWN, RUN_FULL };

/* The words of the state that a run takes and changes: STATE in src/netlink/backend/traces.ts. */
enum {
  STATE_AT,           /* where the next message begins; changed */
  STATE_END,          /* where the messages end */
  STATE_SEQUENCE,     /* nlmsg_seq that they must have, or the first of so many: */
  STATE_SEQUENCES,    /* 1 where 0 is given */
  STATE_SECONDS,      /* the time since 1970 */
  STATE_MICROSECONDS, /* and the rest of it */
  STATE_LENGTH,       /* how much of the output is written; changed */
  STATE_COUNT,        /* how many messages wrote something; added to */
  STATE_SLOT,         /* with lengths: datagram i begins at i times this; 0: `lengths` are pairs */
  STATE_CHOSEN,       /* how many messages are chosen; changed */
  STATE_LAST,         /* where the output of the last one begins; changed */
  STATE_COUNTERS,     /* added to */
  STATE_WORDS = STATE_COUNTERS + 4
};

/* A table of sums by key, or what is remembered of flows: TABLE and MEMORY in src/netlink/backend/traces.ts have their
 * layouts. Or bytes that keys are compared with. */
struct table {
  uint32_t *words;
  size_t length;
};

#define MOST_TABLES 8

/* What a run works on. */
struct run_request {
  const uint8_t *in;
  size_t in_size;
  uint8_t *out;
  size_t out_size;
  uint32_t *state;
  size_t state_words;
  /* NULL, or the lengths of datagrams as recvmmsg(2) received them; or pairs: where each message begins, how long it
   * is. */
  const int32_t *lengths;
  size_t lengths_count;
  /* NULL, or room for pairs: which messages wrote something. */
  int32_t *chosen;
  size_t chosen_words;
  struct table tables[MOST_TABLES];
  size_t table_count;
};

/*
 * Repeats traces for the messages of in[AT, END), until none is left, none fits or something is full. With `lengths`
 * the messages are those of the datagrams, and END does not count; with pairs AT is the next pair's number. RUN_*, or
 * -EINVAL for a state out of bounds.
 */
int traces_run(struct traces *traces, const struct run_request *request);

#endif
