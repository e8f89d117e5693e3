/*
 * Patterns of lines: what TypeScript made of one line of text, to be made again of others like it.
 * src/cli/load-file/line-patterns.ts writes them. Nothing here knows what a line means. Every pattern is checked once,
 * when it is added: what it reads lies within its constants, and what it writes within its message.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>
#include <stdint.h>

/* The patterns of one file. */
struct lines;

/* NULL where there is no memory. */
struct lines *lines_new(void);
void lines_free(struct lines *lines);

/*
 * Adds a pattern. `message` is what becomes of a line, `program` instructions of four words (LINE_OPERATIONS in
 * src/netlink/backend/lines.ts), `constants` the texts that they compare with. 0, or -errno: EINVAL for a pattern that
 * would read or write out of bounds, or that does not end with a line; ENOSPC where there are enough.
 */
int lines_add(struct lines *lines, const uint8_t *message, size_t length, const uint16_t *program, size_t words,
              const uint8_t *constants, size_t constants_length);

/* Why a run ended: no text is left; a line that no pattern fits; no room, or as many lines as were asked for. */
enum { LINES_END, LINES_UNKNOWN, LINES_FULL };

/* The words of the state that a run takes and changes: LINE_STATE in src/netlink/backend/lines.ts. */
enum {
  LINE_STATE_AT,     /* where the next line begins; changed */
  LINE_STATE_END,    /* where the text ends */
  LINE_STATE_LENGTH, /* how much of the output is written; changed */
  LINE_STATE_MOST,   /* how many lines may be done */
  LINE_STATE_COUNT,  /* how many were done; set */
  LINE_STATE_WORDS
};

/*
 * Writes the messages of the lines of in[AT, END), one behind the other, until none is left, none fits or there is no
 * room. LINES_*, or -EINVAL for a state out of bounds.
 */
int lines_run(struct lines *lines, const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, uint32_t *state,
              size_t state_words);

#endif
