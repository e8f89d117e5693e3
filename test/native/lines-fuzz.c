/*
 * Runs the engine of lines under sanitizers with random patterns, lines and states:
 *
 *     lines-fuzz SEED ROUNDS
 *
 * Every buffer is as long as the engine is told, to the byte, so that the address sanitizer sees each step beyond. Says
 * on stdout how many patterns were taken and refused, and how many lines they did.
 */
#include "../../src/native/lines.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* LINE_OPERATIONS in src/netlink/backend/lines.ts. */
enum { TEXT, DECIMAL, IPV4, IPV6, COPY, OPERATIONS };

#define MOST_STEPS 12
#define MOST_LENGTH 160
#define MOST_CONSTANTS 80

struct pattern {
  uint8_t message[4200], constants[MOST_CONSTANTS];
  uint16_t program[4 * MOST_STEPS];
  uint32_t length, constants_length, words;
};

static uint32_t seed;
static uint64_t taken, refused, done, ends[3];

static uint32_t any(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  return seed ^= seed << 5;
}

static uint32_t below(uint32_t limit) {
  return limit == 0 ? 0 : any() % limit;
}

static void *copy(const void *from, size_t size) {
  void *bytes = malloc(size);
  if (bytes == NULL) abort();
  if (size > 0) memcpy(bytes, from, size);
  return bytes;
}

static void demand(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "lines-fuzz: %s\n", what);
  abort();
}

/* Adds a pattern out of buffers of its exact size. */
static int add(struct lines *lines, const struct pattern *pattern) {
  uint8_t *message = copy(pattern->message, pattern->length);
  uint16_t *program = copy(pattern->program, 2 * (size_t)pattern->words);
  uint8_t *constants = copy(pattern->constants, pattern->constants_length);
  int result =
      lines_add(lines, message, pattern->length, program, pattern->words, constants, pattern->constants_length);
  free(message);
  free(program);
  free(constants);
  return result;
}

static int fits(const struct pattern *pattern) {
  struct lines *lines = lines_new();
  if (lines == NULL) abort();
  int result = add(lines, pattern);
  lines_free(lines);
  demand(result != 0 || pattern->length <= 4096, "a message is too long for the room that is made");
  if (result == 0)
    taken++;
  else
    refused++;
  return result == 0;
}

static void instruction(uint16_t *to, int operation, uint32_t at, uint32_t b, uint32_t c) {
  to[0] = (uint16_t)operation;
  to[1] = (uint16_t)at;
  to[2] = (uint16_t)b;
  to[3] = (uint16_t)c;
}

/* Mostly within a size, or just at its end. */
static uint32_t about(uint32_t size) {
  return below(3) == 0 ? size + 4 - below(24) : below(16) == 0 ? any() : below(size + 2);
}

/* Where one of the blanks is. */
static const uint8_t *blank_of(const struct pattern *pattern) {
  uint32_t from = below(pattern->constants_length);
  return memchr(pattern->constants + from, ' ', pattern->constants_length - from);
}

static void random_instruction(uint16_t *to, const struct pattern *pattern) {
  /* Behind a value comes a blank: else no line ever fits. */
  int last = to == pattern->program ? TEXT : to[-4], is_behind = last != TEXT && last != COPY;
  int operation = is_behind && below(9) > 0 ? TEXT : (int)below(OPERATIONS + 1);
  uint32_t at = about(pattern->length), b = about(pattern->length);
  if (operation == TEXT) {
    at = about(pattern->constants_length);
    const uint8_t *blank = blank_of(pattern);
    if (is_behind && blank != NULL) at = (uint32_t)(blank - pattern->constants);
    b = below(4) == 0 ? about(pattern->constants_length - at) : 1 + below(4);
  } else if (operation == DECIMAL) {
    b = below(3) == 0 ? below(9) : 1u << below(3);
  }
  instruction(to, operation, at, b, below(3) == 0 ? about(pattern->length - b) : below(17));
}

/* A pattern of instructions that the engine takes, one by one. Returns whether it takes the whole. */
static int random_pattern(struct pattern *pattern) {
  static const uint8_t letters[] = "a.:0 ";
  pattern->length =
      below(20) == 0 ? about(MOST_LENGTH) % sizeof(pattern->message) : 20 + 4 * below(MOST_LENGTH / 4 - 5);
  if (below(30) == 0) pattern->length = below(2) ? 4096 : 4100;
  for (uint32_t i = 0; i < pattern->length; i++)
    pattern->message[i] = (uint8_t)any();
  uint32_t told = below(20) == 0 ? about(pattern->length) : pattern->length;
  memcpy(pattern->message, &told, sizeof(told));
  pattern->constants_length = 1 + below(MOST_CONSTANTS - 1);
  for (uint32_t i = 0; i < pattern->constants_length; i++)
    pattern->constants[i] = letters[below(sizeof(letters) - 1)];
  pattern->constants[pattern->constants_length - 1] = '\n';
  if (below(8) == 0) pattern->constants[below(pattern->constants_length)] = below(2) ? '\n' : (uint8_t)any();

  uint32_t kept = 0, most = 4 * below(MOST_STEPS);
  for (uint32_t tries = 3 * MOST_STEPS; tries > 0 && kept < most; tries--) {
    random_instruction(pattern->program + kept, pattern);
    instruction(pattern->program + kept + 4, TEXT, pattern->constants_length - 1, 1, 0);
    pattern->words = kept + 8;
    if (fits(pattern)) kept += 4;
  }
  pattern->words = kept + 4;
  if (below(8) > 0)
    instruction(pattern->program + kept, TEXT, pattern->constants_length - 1, 1, 0);
  else
    random_instruction(pattern->program + kept, pattern);
  if (below(20) == 0) pattern->words -= below(5);
  return fits(pattern);
}

static uint32_t put(char *to, const char *text) {
  size_t length = strlen(text);
  memcpy(to, text, length);
  return (uint32_t)length;
}

/* A value of a kind; now and then none, or one that is too long, or just too much. */
static uint32_t value(char *to, int operation) {
  static const char *const numbers[] = {"0",          "255",        "256", "65535",       "65536",
                                        "4294967295", "4294967296", "01",  "99999999999", ""};
  static const char *const ipv4[] = {"255.255.255.255", "1.2.3",  "1.2.3.4.5", "256.1.1.1",
                                     "01.2.3.4",        "1.2.3.", "1",         ""};
  static const char *const ipv6[] = {"::",
                                     "1:2:3:4:5:6:7:8",
                                     ":",
                                     "1::2::3",
                                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                     "12345::",
                                     "",
                                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
  int odd = below(9) == 0;
  if (operation == IPV4) {
    if (odd) return put(to, ipv4[below(8)]);
    return (uint32_t)sprintf(to, "%u.%u.%u.%u", below(256), below(256), below(256), below(256));
  }
  if (operation == IPV6) {
    if (odd) return put(to, ipv6[below(8)]);
    return (uint32_t)sprintf(to, "%x::%x:%x", below(65536), below(65536), below(65536));
  }
  return odd ? put(to, numbers[below(10)]) : (uint32_t)sprintf(to, "%u", below(300));
}

/* A line that the pattern may fit. */
static uint32_t line_of(char *to, const struct pattern *pattern) {
  uint32_t length = 0;
  for (uint32_t i = 0; i + 3 < pattern->words; i += 4) {
    const uint16_t *step = pattern->program + i;
    if (step[0] == TEXT) {
      memcpy(to + length, pattern->constants + step[1], step[2]);
      length += step[2];
    } else if (step[0] != COPY) {
      length += value(to + length, step[0]);
    }
  }
  return length;
}

static void check(const uint8_t *out, uint32_t from, const uint32_t *state, uint32_t count) {
  uint32_t at = from;
  for (; at < state[LINE_STATE_LENGTH] && count > 0; count--) {
    struct nlmsghdr header;
    demand(state[LINE_STATE_LENGTH] - at >= sizeof(header), "a header of a message lies beyond the messages");
    memcpy(&header, out + at, sizeof(header));
    demand(header.nlmsg_len >= 20 && header.nlmsg_len % 4 == 0, "a message has an odd length");
    at += header.nlmsg_len;
  }
  demand(count == 0 && at == state[LINE_STATE_LENGTH], "the messages are not as many or as long as was told");
}

/* Runs lines like those of the patterns, out of buffers of their exact size. */
static void run(struct lines *lines, const struct pattern *patterns, uint32_t count) {
  static char text[16 * MOST_STEPS * (MOST_CONSTANTS + 64)];
  uint32_t length = 0;
  for (uint32_t i = 1 + below(12); i > 0; i--)
    length += line_of(text + length, patterns + below(count));
  for (uint32_t i = length == 0 || below(3) > 0 ? 0 : below(4); i > 0; i--)
    text[below(length)] = below(2) ? (char)any() : '9';
  if (below(2) == 0) length = below(length + 1);

  uint32_t out_size = below(3) == 0 ? about(MOST_LENGTH) % 9000 : below(4 * MOST_LENGTH);
  uint32_t words[LINE_STATE_WORDS] = {
      below(9) == 0 ? about(length) : 0,
      below(9) == 0 ? about(length) : length,
      below(4) == 0 ? about(out_size) : 0,
      below(3) == 0 ? below(5) : 1000,
      any(),
  };
  uint32_t state_words = below(40) == 0 ? below(LINE_STATE_WORDS) : LINE_STATE_WORDS;
  uint8_t *in = copy(text, length), *out = calloc(1, out_size);
  uint32_t *state = copy(words, sizeof(*words) * state_words);
  if (out == NULL) abort();
  int result = lines_run(lines, in, length, out, out_size, state, state_words);
  if (result >= 0) {
    demand(result <= LINES_FULL, "an unknown end");
    ends[result]++;
    done += state[LINE_STATE_COUNT];
    demand(state[LINE_STATE_AT] >= words[LINE_STATE_AT] && state[LINE_STATE_AT] <= length, "it is beyond the text");
    demand(state[LINE_STATE_LENGTH] <= out_size, "it is beyond the output");
    demand(state[LINE_STATE_COUNT] <= words[LINE_STATE_MOST], "more lines than were asked for");
    check(out, words[LINE_STATE_LENGTH], state, state[LINE_STATE_COUNT]);
    /* What fits ends with its line. */
    demand(state[LINE_STATE_COUNT] == 0 || in[state[LINE_STATE_AT] - 1] == '\n', "it is within a line");
  }
  free(in);
  free(out);
  free(state);
}

int main(int count, char **words) {
  if (count != 3) return 2;
  seed = (uint32_t)strtoul(words[1], NULL, 10) | 1;
  static struct pattern patterns[4];
  for (long rounds = strtol(words[2], NULL, 10); rounds > 0; rounds--) {
    struct lines *lines = lines_new();
    if (lines == NULL) abort();
    uint32_t added = 0;
    for (uint32_t tries = 8; tries > 0 && added < 4; tries--) {
      if (random_pattern(patterns + added))
        demand(add(lines, patterns + added++) == 0, "a pattern is taken and refused");
    }
    /* There is room for so many, and no more. */
    int result = added > 0 && below(20) == 0 ? 0 : -ENOSPC;
    for (uint32_t i = 0; result == 0; i++) {
      demand(i < 1000, "patterns without end");
      result = add(lines, patterns);
    }
    demand(result == -ENOSPC, "a pattern is refused");
    for (uint32_t i = 8; added > 0 && i > 0; i--)
      run(lines, patterns, added);
    lines_free(lines);
  }
  printf("%llu patterns taken, %llu refused; %llu lines done; ended %llu, unknown %llu, full %llu\n",
         (unsigned long long)taken, (unsigned long long)refused, (unsigned long long)done,
         (unsigned long long)ends[LINES_END], (unsigned long long)ends[LINES_UNKNOWN],
         (unsigned long long)ends[LINES_FULL]);
  return 0;
}
