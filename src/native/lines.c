/* See lines.h. */
#include "lines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS 20 /* sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) */
#define LONGEST_MESSAGE 4096
#define LONGEST_PROGRAM 4096
#define MOST_PATTERNS 64
#define LONGEST_IPV6 39

/* LINE_OPERATIONS in src/netlink/backend/lines.ts says what each does. */
enum { TEXT, DECIMAL, IPV4, IPV6, COPY };

struct instruction {
  uint16_t operation, at, b, c;
};

struct pattern {
  const uint8_t *message;
  const uint8_t *constants;
  size_t length, instructions;
  struct instruction program[];
};

struct lines {
  size_t count;
  /* The one used last is the first. */
  struct pattern *patterns[MOST_PATTERNS];
};

struct lines *lines_new(void) {
  return calloc(1, sizeof(struct lines));
}

void lines_free(struct lines *lines) {
  for (size_t i = 0; i < lines->count; i++)
    free(lines->patterns[i]);
  free(lines);
}

static bool within(size_t at, size_t length, size_t size) {
  return at <= size && length <= size - at;
}

/* Whether `bytes` of the message from `at` on may be written: not its header, for its length must stay. */
static bool is_payload(size_t at, size_t bytes, size_t length) {
  return at >= HEADERS && within(at, bytes, length);
}

static bool check(const struct instruction *i, size_t length, const uint8_t *constants, size_t size, bool is_last) {
  size_t at = i->at, b = i->b, c = i->c;
  switch (i->operation) {
  case TEXT: {
    if (!within(at, b, size)) return false;
    /* A newline ends the pattern, and nothing else does. */
    const uint8_t *newline = b == 0 ? NULL : memchr(constants + at, '\n', b);
    return is_last ? newline != NULL && newline == constants + at + b - 1 : newline == NULL;
  }
  case DECIMAL:
    return !is_last && (b == 1 || b == 2 || b == 4) && is_payload(at, b, length);
  case IPV4:
    return !is_last && is_payload(at, 4, length);
  case IPV6:
    return !is_last && is_payload(at, 16, length);
  case COPY:
    return !is_last && is_payload(at, c, length) && within(b, c, length);
  }
  return false;
}

int lines_add(struct lines *lines, const uint8_t *message, size_t length, const uint16_t *program, size_t words,
              const uint8_t *constants, size_t constants_length) {
  if (length < HEADERS || length > LONGEST_MESSAGE || length % 4 != 0) return -EINVAL;
  if (words == 0 || words % 4 != 0 || words > LONGEST_PROGRAM || constants_length > UINT16_MAX) return -EINVAL;
  struct nlmsghdr header;
  memcpy(&header, message, sizeof(header));
  if (header.nlmsg_len != length) return -EINVAL;
  for (size_t i = 0; i < words; i += 4) {
    struct instruction instruction = {program[i], program[i + 1], program[i + 2], program[i + 3]};
    if (!check(&instruction, length, constants, constants_length, i + 4 == words)) return -EINVAL;
  }
  if (lines->count == MOST_PATTERNS) return -ENOSPC;

  struct pattern *pattern = malloc(sizeof(*pattern) + 2 * words + length + constants_length);
  if (pattern == NULL) return -ENOMEM;
  uint8_t *behind = (uint8_t *)pattern->program + 2 * words;
  pattern->message = behind;
  pattern->constants = behind + length;
  pattern->length = length;
  pattern->instructions = words / 4;
  memcpy(pattern->program, program, 2 * words);
  memcpy(behind, message, length);
  if (constants_length > 0) memcpy(behind + length, constants, constants_length);
  lines->patterns[lines->count++] = pattern;
  return 0;
}

/* Reading values. Each returns where the word ends, or NULL where it is not plainly of its kind. */

static bool is_digit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

/* Whether a word ends here: before a blank, a quote or the end of the line. */
static bool ends_word(const uint8_t *at, const uint8_t *end) {
  return at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r' || *at == '"');
}

/* A number without leading zeros, of `most` digits and no more than `limit`. */
static const uint8_t *number(const uint8_t *at, const uint8_t *end, int most, uint64_t limit, uint64_t *value) {
  const uint8_t *first = at;
  for (*value = 0; at < end && is_digit(*at); at++) {
    if (at - first == most) return NULL;
    *value = *value * 10 + (uint64_t)(*at - '0');
  }
  return at == first || (at - first > 1 && *first == '0') || *value > limit ? NULL : at;
}

/* A number of `bytes` bytes, into network byte order. */
static const uint8_t *decimal(const uint8_t *at, const uint8_t *end, uint8_t *to, size_t bytes) {
  uint64_t value;
  at = number(at, end, 10, (UINT64_C(1) << 8 * bytes) - 1, &value);
  if (at == NULL || !ends_word(at, end)) return NULL;
  for (size_t i = bytes; i-- > 0; value >>= 8)
    to[i] = (uint8_t)value;
  return at;
}

/* A dotted quad. With leading zeros it would be octal. */
static const uint8_t *ipv4(const uint8_t *at, const uint8_t *end, uint8_t *to) {
  for (int i = 0; i < 4; i++) {
    uint64_t octet;
    at = number(at, end, 3, 255, &octet);
    if (at == NULL) return NULL;
    to[i] = (uint8_t)octet;
    if (i < 3 && (at == end || *at++ != '.')) return NULL;
  }
  return ends_word(at, end) ? at : NULL;
}

/* What inet_pton(3) takes in lower case and without a dotted quad. */
static const uint8_t *ipv6(const uint8_t *at, const uint8_t *end, uint8_t *to) {
  char word[LONGEST_IPV6 + 1];
  size_t length = 0;
  for (; at < end && (is_digit(*at) || (*at >= 'a' && *at <= 'f') || *at == ':'); at++) {
    if (length == LONGEST_IPV6) return NULL;
    word[length++] = (char)*at;
  }
  word[length] = '\0';
  return ends_word(at, end) && inet_pton(AF_INET6, word, to) == 1 ? at : NULL;
}

/* Writes the message of the line at `at`. Returns where the next one begins, or NULL where the pattern does not fit. */
static const uint8_t *repeat(const struct pattern *pattern, const uint8_t *at, const uint8_t *end, uint8_t *message) {
  const struct instruction *i = pattern->program, *last = i + pattern->instructions;
  /* Most patterns differ early: nothing is written for those. */
  for (; i < last && i->operation == TEXT; i++) {
    if (i->b > end - at || memcmp(at, pattern->constants + i->at, i->b) != 0) return NULL;
    at += i->b;
  }
  memcpy(message, pattern->message, pattern->length);
  for (; i < last && at != NULL; i++) {
    uint8_t *to = message + i->at;
    switch (i->operation) {
    case TEXT:
      if (i->b > end - at || memcmp(at, pattern->constants + i->at, i->b) != 0) return NULL;
      at += i->b;
      break;
    case DECIMAL:
      at = decimal(at, end, to, i->b);
      break;
    case IPV4:
      at = ipv4(at, end, to);
      break;
    case IPV6:
      at = ipv6(at, end, to);
      break;
    case COPY:
      memmove(to, message + i->b, i->c);
      break;
    }
  }
  return at;
}

int lines_run(struct lines *lines, const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, uint32_t *state,
              size_t state_words) {
  if (state_words < LINE_STATE_WORDS) return -EINVAL;
  size_t length = state[LINE_STATE_LENGTH];
  if (state[LINE_STATE_AT] > state[LINE_STATE_END] || state[LINE_STATE_END] > in_size || length > out_size)
    return -EINVAL;
  const uint8_t *at = in + state[LINE_STATE_AT], *end = in + state[LINE_STATE_END];
  uint32_t count = 0;
  int ended = LINES_END;
  while (at < end && ended == LINES_END) {
    if (count == state[LINE_STATE_MOST]) {
      ended = LINES_FULL;
      break;
    }
    const uint8_t *next = NULL;
    for (size_t i = 0; i < lines->count && next == NULL; i++) {
      struct pattern *pattern = lines->patterns[i];
      if (pattern->length > out_size - length) {
        ended = LINES_FULL;
        break;
      }
      next = repeat(pattern, at, end, out + length);
      if (next == NULL) continue;
      length += pattern->length;
      /* The next line is most likely to be like this one. */
      memmove(lines->patterns + 1, lines->patterns, i * sizeof(pattern));
      lines->patterns[0] = pattern;
    }
    if (next != NULL) {
      at = next;
      count++;
    } else if (ended == LINES_END) {
      ended = LINES_UNKNOWN;
    }
  }
  state[LINE_STATE_AT] = (uint32_t)(at - in);
  state[LINE_STATE_LENGTH] = (uint32_t)length;
  state[LINE_STATE_COUNT] = count;
  return ended;
}
