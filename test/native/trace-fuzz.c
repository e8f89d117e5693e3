/*
 * Runs the trace engine under sanitizers with random traces, messages, states and tables:
 *
 *     trace-fuzz SEED ROUNDS [FILE]
 *
 * Every buffer is as long as the engine is told, to the byte, so that the address sanitizer sees each step beyond. FILE holds
 * traces as TypeScript recorded them: four words each (lengths of message, program and constants, and 0), then mask, pattern,
 * program and constants. Says on stdout how many messages traces did, and how often each operation was in a trace.
 */
#include "../../src/native/trace.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 32
#define HEADERS 20
#define MOST_MESSAGES 8
#define MOST_STEPS 24

struct recorded {
  uint32_t length, words, constants_length;
  const uint8_t *mask, *pattern, *constants;
  const uint16_t *program;
};

static uint32_t seed;
static struct recorded *recorded;
static size_t recorded_count;
static uint64_t accepted[OPERATIONS], refused, done, ends[4];

static uint32_t any(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  return seed ^= seed << 5;
}

static uint32_t below(uint32_t limit) {
  return any() % limit;
}

static void *allocate(size_t size) {
  void *bytes = malloc(size);
  if (bytes == NULL) abort();
  return bytes;
}

static void *copy(const void *from, size_t size) {
  void *bytes = allocate(size);
  if (size > 0) memcpy(bytes, from, size);
  return bytes;
}

static void demand(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "trace-fuzz: %s\n", what);
  abort();
}

/* Mostly what lies within a size, or just at its end. */
static uint16_t operand(uint32_t length, uint32_t constants) {
  switch (below(6)) {
  case 0:
    return (uint16_t)below(5);
  case 1:
    return (uint16_t)(1u << below(4));
  case 2:
    return (uint16_t)below(length + 2);
  case 3:
    return (uint16_t)(length + 1 - below(24));
  case 4:
    return (uint16_t)(constants + 1 - below(24));
  default:
    return below(8) == 0 ? (uint16_t)any() : (uint16_t)below(constants + 2);
  }
}

/* Adds a trace out of buffers of its exact size. */
static int add(struct traces *traces, const struct recorded *trace) {
  uint8_t *mask = copy(trace->mask, trace->length), *pattern = copy(trace->pattern, trace->length);
  uint16_t *program = copy(trace->program, 2 * (size_t)trace->words);
  uint8_t *constants = copy(trace->constants, trace->constants_length);
  int result = traces_add(traces, mask, pattern, trace->length, program, trace->words, constants, trace->constants_length);
  free(mask);
  free(pattern);
  free(program);
  free(constants);
  return result;
}

/* A trace of random instructions: those that the engine takes, one by one. Returns whether it was added. */
static int add_random(struct traces *traces, uint8_t *mask, uint8_t *pattern, uint32_t length) {
  static uint16_t program[4 * MOST_STEPS];
  static uint8_t constants[600];
  uint32_t size = below(4) == 0 ? below(8) : below(sizeof(constants)), kind = below(3);
  for (uint32_t i = 0; i < size; i++)
    constants[i] = kind == 0 ? (uint8_t)any() : kind == 1 ? (uint8_t)below(9) : below(3) == 0 ? (uint8_t)below(6) : 0;
  struct recorded trace = {length, 0, size, mask, pattern, constants, program};
  struct traces *trial = traces_new();
  if (trial == NULL) abort();
  for (uint32_t tries = 4 * MOST_STEPS; tries > 0 && trace.words < 4 * MOST_STEPS; tries--) {
    uint16_t *next = program + trace.words;
    /* Texts are what others take back, and key and sums go together. */
    *next = below(4) == 0 ? 0 : below(4) == 0 ? (uint16_t)(24 + below(8)) : (uint16_t)below(OPERATIONS + 1);
    for (int i = 1; i < 4; i++)
      next[i] = operand(length, size);
    trace.words += 4;
    if (add(trial, &trace) == 0) {
      accepted[*next]++;
    } else {
      refused++;
      trace.words -= 4;
    }
  }
  traces_free(trial);
  return add(traces, &trace) == 0;
}

/* Words that are a table or a memory, that nearly are one, or that are what keys are compared with. */
static struct table random_table(void) {
  struct table table;
  uint32_t capacity = 1u << below(6), key_words = below(8), sums = below(5), kind = below(6);
  table.length = kind == 0 ? below(40) : 10 + (size_t)capacity * (2 + key_words + 2 * sums) + 2 * sums;
  if (kind == 1) table.length -= below(below(2) == 0 ? 4 : (uint32_t)table.length);
  if (kind == 2) table.length = 10 + 6 * (size_t)capacity;
  table.words = allocate(4 * table.length);
  for (size_t i = 0; i < table.length; i++)
    table.words[i] = kind > 3 || (i == 0 && kind == 0) ? 0 : any();
  if (kind == 0 || table.length < 10) return table;
  if (below(4) == 0) {
    /* What is remembered of flows. */
    table.words[0] = 0;
    table.words[1] = below(8) == 0 ? any() : capacity;
    table.words[2] = below(8) == 0 ? any() : below(capacity);
    table.words[3] = 1 + below(4);
    table.words[4] = below(4);
    /* Flows that are not yet where they belong. */
    table.words[8] = below(2) == 0 ? 0 : below(8) == 0 ? any() : below(capacity + 1);
    return table;
  }
  table.words[0] = below(16) == 0 ? any() : capacity;
  table.words[1] = below(4) == 0 ? below(capacity + 2) : 0;
  table.words[2] = below(2) == 0 ? UINT32_MAX : below(2 * capacity);
  table.words[3] = any();
  table.words[4] = key_words;
  table.words[5] = sums;
  if (below(4) != 0) table.words[6] = below(2) == 0 ? 0 : table.words[1];
  /* One that drops rows. */
  if (below(2) == 0) {
    table.words[2] = below(capacity + 2);
    table.words[7] = below(capacity + 1);
  } else if (below(4) != 0) {
    table.words[7] = 0;
  }
  return table;
}

/* A message that fits a trace's mask and pattern, but now and then for a bit. */
static void write_message(uint8_t *to, const uint8_t *mask, const uint8_t *pattern, uint32_t length, uint32_t sequence) {
  int vary = below(8) != 0;
  for (uint32_t i = 0; i < length; i++)
    to[i] = vary ? (uint8_t)((pattern[i] & mask[i]) | (any() & ~mask[i])) : pattern[i];
  memcpy(to, pattern, 8);
  memcpy(to + 8, &sequence, 4);
  if (below(8) == 0) to[below(length)] ^= (uint8_t)(1u << below(8));
  if (below(64) == 0) memset(to + below(length), 0, 1);
}

static void run(struct traces *traces, const struct recorded *shapes, uint32_t shape_count) {
  uint32_t state[STATE_WORDS] = {0}, sequence = any(), count = 1 + below(MOST_MESSAGES), size = 0, slot = 0;
  const struct recorded *chosen_shapes[MOST_MESSAGES];
  for (uint32_t i = 0; i < count; i++) {
    chosen_shapes[i] = &shapes[below(shape_count)];
    size += chosen_shapes[i]->length;
    if (chosen_shapes[i]->length > slot) slot = chosen_shapes[i]->length;
  }
  uint32_t kind = below(3);
  if (kind == 1) size = slot * count;
  uint8_t *in = allocate(size);
  memset(in, 0, size);
  int32_t *lengths = kind == 0 ? NULL : allocate(4 * (kind == 1 ? 1 : 2) * count);
  for (uint32_t i = 0, at = 0; i < count; i++) {
    const struct recorded *shape = chosen_shapes[i];
    if (kind == 1) at = i * slot;
    write_message(in + at, shape->mask, shape->pattern, shape->length, sequence);
    int32_t length = below(32) == 0 ? (int32_t)any() : (int32_t)shape->length;
    if (kind == 1) {
      lengths[i] = length;
    } else if (kind == 2) {
      lengths[2 * i] = below(32) == 0 ? (int32_t)any() : (int32_t)at;
      lengths[2 * i + 1] = length;
    }
    at += shape->length;
  }
  if (below(8) == 0) {
    /* What was received is cut. */
    size -= below(size);
    uint8_t *part = copy(in, size);
    free(in);
    in = part;
  }
  uint32_t out_size = below(2) == 0 ? below(256) : 9000 * count;
  uint8_t *out = allocate(out_size);
  uint32_t chosen_words = below(2 * count + 2);
  int32_t *chosen = below(2) == 0 ? NULL : allocate(4 * chosen_words);
  struct run_request request = {in, size, out, out_size, state, STATE_WORDS, lengths, 0, chosen, chosen_words, {{0}}, 0};
  request.lengths_count = kind == 0 ? 0 : kind == 1 ? count : 2 * count - below(2);
  request.table_count = below(MOST_TABLES + 1);
  for (size_t i = 0; i < request.table_count; i++)
    request.tables[i] = random_table();
  state[STATE_END] = below(16) == 0 ? any() : size;
  state[STATE_SEQUENCE] = sequence;
  state[STATE_SEQUENCES] = below(2);
  state[STATE_SECONDS] = any();
  state[STATE_MICROSECONDS] = below(1000000);
  state[STATE_SLOT] = kind != 1 ? 0 : below(16) == 0 ? any() : slot;
  if (below(16) == 0) state[STATE_AT] = below(2) == 0 ? any() : below(size);
  if (below(16) == 0) state[STATE_LENGTH] = below(out_size + 2);
  if (below(16) == 0) state[STATE_CHOSEN] = below(2) == 0 ? any() : below(count + 2);
  for (int again = 0; again < 4; again++) {
    uint32_t before = state[STATE_AT];
    int ended = traces_run(traces, &request);
    ends[ended == RUN_END ? 0 : ended == RUN_UNKNOWN ? 1 : ended == RUN_FULL ? 2 : 3]++;
    demand(ended == RUN_END || ended == RUN_UNKNOWN || ended == RUN_FULL || ended == -EINVAL, "an unknown end");
    demand(ended == -EINVAL || state[STATE_LENGTH] <= out_size, "more output than there is room");
    demand(ended == -EINVAL || lengths != NULL || state[STATE_AT] <= state[STATE_END], "behind the end");
    if (state[STATE_AT] != before) done++;
    if (ended != RUN_FULL) break;
    state[STATE_LENGTH] = state[STATE_CHOSEN] = 0;
  }
  for (size_t i = 0; i < request.table_count; i++)
    free(request.tables[i].words);
  free(chosen);
  free(out);
  free(lengths);
  free(in);
}

static void random_round(void) {
  struct traces *traces = traces_new();
  struct recorded shapes[MOST_MESSAGES];
  uint32_t count = 1 + below(MOST_MESSAGES);
  if (traces == NULL) abort();
  for (uint32_t i = 0; i < count; i++) {
    uint32_t length = below(64) == 0 ? below(HEADERS) : below(64) == 0 ? 4 * below(600) : HEADERS + 4 * below(40);
    uint8_t *mask = allocate(length), *pattern = allocate(length);
    uint32_t density = below(3);
    for (uint32_t j = 0; j < length; j++) {
      pattern[j] = below(2) == 0 ? (uint8_t)any() : 0;
      mask[j] = density == 0 || below(4) != 0 ? 0 : (uint8_t)any();
    }
    if (length >= HEADERS) memcpy(pattern, &length, 4);
    uint16_t flags = below(32) == 0 ? (uint16_t)any() : 2;
    if (length >= 8) memcpy(pattern + 6, &flags, 2);
    if (length < HEADERS) {
      /* Not even its headers are there. */
      struct recorded trace = {length, 0, 0, mask, pattern, mask, (const uint16_t *)(const void *)""};
      demand(add(traces, &trace) == -EINVAL, "a trace without headers was added");
      free(mask);
      free(pattern);
      i--;
      continue;
    }
    if (add_random(traces, mask, pattern, length) && below(16) == 0) traces_drop(traces);
    shapes[i] = (struct recorded){.length = length, .mask = mask, .pattern = pattern};
  }
  for (int i = 0; i < 20; i++)
    run(traces, shapes, count);
  for (uint32_t i = 0; i < count; i++) {
    free((void *)shapes[i].mask);
    free((void *)shapes[i].pattern);
  }
  traces_free(traces);
}

/* A recorded trace with another operand, another constant or fewer of them: the engine refuses it, or it is as good as any. */
static void add_changed(struct traces *traces, struct recorded trace) {
  uint16_t *program = copy(trace.program, 2 * (size_t)trace.words);
  uint8_t *constants = copy(trace.constants, trace.constants_length);
  trace.program = program;
  trace.constants = constants;
  uint32_t kind = below(3);
  if (kind == 0 && trace.words > 0) program[below(trace.words)] = operand(trace.length, trace.constants_length);
  if (kind == 1 && trace.constants_length > 0) constants[below(trace.constants_length)] = (uint8_t)any();
  if (kind == 2 && trace.constants_length > 0) trace.constants_length -= below(below(8) == 0 ? trace.constants_length : 8);
  if (trace.constants_length > (uint32_t)UINT16_MAX) trace.constants_length = 0;
  if (add(traces, &trace) != 0) refused++;
  free(program);
  free(constants);
}

/* Some of the recorded traces, now and then more than are kept. */
static void recorded_round(void) {
  struct traces *traces = traces_new();
  uint32_t most = below(16) == 0 ? 300 : 12;
  struct recorded shapes[300];
  if (traces == NULL) abort();
  for (uint32_t i = 0; i < most; i++) {
    shapes[i] = recorded[below((uint32_t)recorded_count)];
    demand(add(traces, &shapes[i]) == 0, "a recorded trace was refused");
    for (uint32_t word = 0; word < shapes[i].words; word += 4)
      accepted[shapes[i].program[word]]++;
    if (below(2) == 0) add_changed(traces, shapes[i]);
  }
  for (int i = 0; i < 20; i++)
    run(traces, shapes, most);
  traces_free(traces);
}

static void read_recorded(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) abort();
  long size = ftell(file);
  rewind(file);
  uint8_t *bytes = allocate((size_t)size);
  if (fread(bytes, 1, (size_t)size, file) != (size_t)size) abort();
  fclose(file);
  for (const uint8_t *at = bytes; at < bytes + size; recorded_count++) {
    uint32_t head[4];
    memcpy(head, at, sizeof(head));
    recorded = realloc(recorded, (recorded_count + 1) * sizeof(*recorded));
    if (recorded == NULL) abort();
    struct recorded *one = &recorded[recorded_count];
    one->length = head[0];
    one->words = head[1];
    one->constants_length = head[2];
    one->mask = at + sizeof(head);
    one->pattern = one->mask + one->length;
    one->program = copy(one->pattern + one->length, 2 * (size_t)one->words);
    one->constants = one->pattern + one->length + 2 * (size_t)one->words;
    at = one->constants + one->constants_length;
  }
}

int main(int count, char **words) {
  if (count < 3) return 2;
  seed = (uint32_t)strtoul(words[1], NULL, 10) | 1;
  if (count > 3) read_recorded(words[3]);
  for (unsigned long rounds = strtoul(words[2], NULL, 10); rounds > 0; rounds--) {
    random_round();
    if (recorded_count > 0) recorded_round();
  }
  printf("%llu runs did messages, ends %llu %llu %llu %llu, %llu instructions refused; taken:", (unsigned long long)done,
         (unsigned long long)ends[0], (unsigned long long)ends[1], (unsigned long long)ends[2],
         (unsigned long long)ends[3], (unsigned long long)refused);
  for (int i = 0; i < OPERATIONS; i++)
    printf(" %llu", (unsigned long long)accepted[i]);
  printf("\n");
  return 0;
}
