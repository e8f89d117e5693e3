/* See trace.h. */
#include "trace.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS 20 /* sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) */
#define SEQUENCE_AT offsetof(struct nlmsghdr, nlmsg_seq)
#define LONGEST_MESSAGE 2048
#define LONGEST_PROGRAM 4096
#define MOST_OUTPUT 8192
#define MOST_TRACES 256
#define COUNTERS (STATE_WORDS - STATE_COUNTERS)
#define NS_PER_SECOND 1000000000

/* OPERATIONS in src/netlink/backend/traces.ts says what each does. */
enum {
  TEXT,
  COPY,
  DECIMAL,
  HOST_DECIMAL,
  HEX,
  IPV4,
  IPV6,
  NAME,
  FLAGS,
  AGE,
  SPAN,
  IN,
  NOT_IN,
  SAME,
  DIFFERENT,
  BEFORE,
  SUM_IN,
  SUM_NOT_IN,
  COUNT,
  COMBINE,
  LOOKUP,
  QUOTIENT,
  ADD,
  NUMBER,
  ENTER,
  ADD_ONE,
  ADD_FIELD,
  NOT_BEFORE,
  RECALL,
  ADD_GROWTH,
  GREW_LITTLE,
  KEEP_LEAST,
};

struct instruction {
  uint16_t operation, at, b, c;
};

struct trace {
  struct trace *next;
  /* When it was used last, as the traces count. */
  uint64_t used;
  const uint8_t *constants;
  const struct instruction *program;
  size_t length, instructions, most_output;
  /* The word that told the last message apart that did not fit: the next one will most likely differ there too. */
  size_t telling;
  /* Mask and pattern of the message's words, in turn. */
  uint64_t bits[];
};

struct traces {
  size_t count;
  uint64_t uses;
  struct trace *newest;
  /* By length in words of four bytes; the one used last is the first. */
  struct trace *of_length[LONGEST_MESSAGE / 4 + 1];
  /* By octet: its digits, padded, and how many they are. */
  uint8_t octets[256][4];
};

/* The words of a table: TABLE in src/netlink/backend/traces.ts. Places, keys, sums and what dropped rows had lie behind
 * them. */
enum {
  TABLE_CAPACITY,
  TABLE_SIZE,
  TABLE_MOST,
  TABLE_SEED,
  TABLE_KEY_WORDS,
  TABLE_SUMS,
  TABLE_PLACED,
  TABLE_KEPT,
  TABLE_DROPS,
  TABLE_WHOLE,
  TABLE_WORDS
};

/* Rows are kept for so many sums at most: the first ones. */
#define MOST_RANKED 32

/* The words of what is remembered of flows: MEMORY in src/netlink/backend/traces.ts. The places lie behind them. */
enum {
  MEMORY_NO_TABLE,
  MEMORY_CAPACITY,
  MEMORY_USED,
  MEMORY_PASS,
  MEMORY_OLDEST,
  MEMORY_LEAST = 6,
  MEMORY_UNSETTLED = 8,
  MEMORY_SETTLED,
  MEMORY_WORDS
};
/* Of PLACE_SEEN: the flow is not yet where it belongs. */
#define LOOSE UINT32_C(0x80000000)
enum { PLACE_ID, PLACE_SEEN, PLACE_COUNTERS, PLACE_WORDS = PLACE_COUNTERS + 4 };

/* A table, opened. */
struct open_table {
  /* Its words; NULL where the run has no such table. */
  uint32_t *words;
  uint32_t capacity, most, kept, key_words, sum_count;
  /* Open addressing: 1 + the row, or 0 for a free place; twice the capacity, which is a power of two. */
  uint32_t *places;
  /* By row; behind the last one the sums of rows that were dropped. */
  uint32_t *keys, *sums;
};

/* A run: what does not change while it goes on, and the tables. */
struct run {
  struct traces *traces;
  const struct run_request *request;
  const uint8_t *in;
  uint32_t sequence, sequences;
  uint64_t now; /* in microseconds */
  uint8_t *out_end;
  uint32_t *counters, *state;
  struct open_table tables[MOST_TABLES];
  /* Whether a table has no room for one more group, and should have. */
  bool full;
};

struct traces *traces_new(void) {
  struct traces *traces = calloc(1, sizeof(*traces));
  if (traces == NULL) return NULL;
  for (unsigned octet = 0; octet < 256; octet++) {
    uint8_t *text = traces->octets[octet], length = 0;
    if (octet >= 100) text[length++] = '0' + octet / 100;
    if (octet >= 10) text[length++] = '0' + octet / 10 % 10;
    text[length++] = '0' + octet % 10;
    text[3] = length;
  }
  return traces;
}

void traces_free(struct traces *traces) {
  for (size_t i = 0; i <= LONGEST_MESSAGE / 4; i++) {
    for (struct trace *trace = traces->of_length[i], *next; trace != NULL; trace = next) {
      next = trace->next;
      free(trace);
    }
  }
  free(traces);
}

static void remove_trace(struct traces *traces, struct trace *trace) {
  struct trace **link = &traces->of_length[trace->length / 4];
  while (*link != trace)
    link = &(*link)->next;
  *link = trace->next;
  if (traces->newest == trace) traces->newest = NULL;
  traces->count--;
  free(trace);
}

void traces_drop(struct traces *traces) {
  if (traces->newest != NULL) remove_trace(traces, traces->newest);
}

static void remove_oldest(struct traces *traces) {
  struct trace *oldest = NULL;
  for (size_t i = 0; i <= LONGEST_MESSAGE / 4; i++) {
    for (struct trace *trace = traces->of_length[i]; trace != NULL; trace = trace->next) {
      if (oldest == NULL || trace->used < oldest->used) oldest = trace;
    }
  }
  if (oldest != NULL) remove_trace(traces, oldest);
}

static uint64_t read_big_endian(const uint8_t *at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++)
    value = value << 8 | at[i];
  return value;
}

/* Checking a trace. Each of the checks answers with how much the instruction writes at most, or with -1. */

static bool within(size_t at, size_t length, size_t size) {
  return at <= size && length <= size - at;
}

/* Names: how long a row is, then the rows: how long the name is, the name, and zeros. */
static int check_names(const uint8_t *names, size_t rows, size_t room) {
  size_t width = room == 0 ? 0 : *names;
  if (width == 0 || rows == 0 || !within(1, rows * width, room)) return -1;
  for (size_t i = 0; i < rows; i++) {
    if (names[1 + i * width] >= width) return -1;
  }
  return (int)width - 1;
}

/* A text: how long it is, and the text. Moves `at` behind it; -1 where it leaves its room. */
static int check_text(const uint8_t *from, size_t *at, size_t room) {
  if (!within(*at, 1, room) || !within(*at + 1, from[*at], room)) return -1;
  int length = from[*at];
  *at += 1 + (size_t)length;
  return length;
}

/* Flags: the texts before the first, between two, and for none; how many rows; the rows: byte, bit and text. */
static int check_flags(const uint8_t *flags, size_t room, size_t payload) {
  size_t at = 0;
  int first = check_text(flags, &at, room);
  int between = first < 0 ? -1 : check_text(flags, &at, room);
  int none = between < 0 ? -1 : check_text(flags, &at, room);
  if (none < 0 || !within(at, 1, room)) return -1;
  int most = first;
  for (int rows = flags[at++]; rows > 0; rows--) {
    if (!within(at, 2, room) || flags[at] >= payload) return -1;
    at += 2;
    int length = check_text(flags, &at, room);
    if (length < 0) return -1;
    most += length + between;
  }
  return most > none ? most : none;
}

/* A set of values of `width` bytes: how many items in two bytes, then of each its mask, first and last value. */
static int check_set(const uint8_t *set, size_t width, size_t room) {
  if (width == 0 || room < 2) return -1;
  size_t items = (size_t)(set[0] << 8 | set[1]);
  return items * 3 * width <= room - 2 ? 0 : -1;
}

static bool is_width(size_t bytes) {
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

static int check(const struct instruction *i, size_t length, const uint8_t *constants, size_t size) {
  size_t at = i->at, b = i->b, c = i->c;
  switch (i->operation) {
  case TEXT:
    return within(at, b, size) ? (int)b : -1;
  case COPY:
    return within(at, b, length) ? (int)b : -1;
  case DECIMAL:
    return is_width(b) && within(at, b, length) ? 20 : -1;
  case HOST_DECIMAL:
    return within(at, 4, length) ? 10 : -1;
  case HEX:
    return within(at, 2, length) ? 4 : -1;
  case IPV4:
    /* The padding of the octets counts: it is written over by what comes next, but it is written. */
    return within(at, 4, length) ? 18 : -1;
  case IPV6:
    return within(at, 16, length) ? 64 : -1;
  case NAME:
    return within(at, 1, length) && b <= size ? check_names(constants + b, c, size - b) : -1;
  case FLAGS:
    return within(at, c, length) && b <= size ? check_flags(constants + b, size - b, c) : -1;
  case AGE:
    return within(at, 8, length) ? 20 : -1;
  case SPAN:
    return within(at, 8, length) && within(b, 8, length) && c <= 1 ? 20 : -1;
  case IN:
  case NOT_IN:
    return within(at, b, length) && c <= size ? check_set(constants + c, b, size - c) : -1;
  case SAME:
  case DIFFERENT:
    return within(at, c, length) && within(b, c, length) ? 0 : -1;
  case BEFORE:
    return within(at, 8, size) ? 0 : -1;
  case SUM_IN:
  case SUM_NOT_IN:
    return within(at, 8, length) && within(b, 8, length) && c <= size ? check_set(constants + c, 8, size - c) : -1;
  case COUNT:
    return at < COUNTERS ? 0 : -1;
  case COMBINE:
    return within(at, b, length) && within(c, 2 * b, size) ? (int)b : -1;
  case LOOKUP:
    return within(at, 1, length) && within(b, 256, size) ? 1 : -1;
  case QUOTIENT:
    return within(at, 4, length) && within(b, 4, size) && read_big_endian(constants + b, 4) > 0 ? 4 : -1;
  case ADD:
    return within(at, 8, length) && within(b, 8, length) ? 8 : -1;
  case NUMBER:
    return b < COUNTERS ? 0 : -1;
  case ENTER:
    /* Zeros behind the key fill its last word. */
    return at < MOST_TABLES ? 3 : -1;
  case ADD_ONE:
    return 0;
  case ADD_FIELD:
  case KEEP_LEAST:
    return within(at, 8, length) ? 0 : -1;
  case NOT_BEFORE:
    return at < MOST_TABLES && c <= 1 ? 0 : -1;
  case RECALL:
    return within(at, 4, length) && b < MOST_TABLES ? 0 : -1;
  case ADD_GROWTH:
    return within(at, 8, length) && b <= 1 ? 0 : -1;
  case GREW_LITTLE:
    return within(at, 4, length) && within(b, 8, length) && c < 2 * MOST_TABLES ? 0 : -1;
  }
  return -1;
}

/* What instructions take back or overwrite must be there: how much of the output is certain behind this one; -1 for too
 * little. */
static long certain_after(const struct instruction *i, int writes, long certain) {
  switch (i->operation) {
  case TEXT:
  case COPY:
  case COMBINE:
  case LOOKUP:
  case QUOTIENT:
  case ADD:
    return certain + writes;
  case NUMBER:
    return i->at + 4 <= certain ? certain : -1;
  case ENTER:
  case NOT_BEFORE:
    return i->b <= certain ? certain - i->b : -1;
  }
  return certain;
}

int traces_add(struct traces *traces, const uint8_t *mask, const uint8_t *pattern, size_t length,
               const uint16_t *program, size_t words, const uint8_t *constants, size_t constants_length) {
  if (length < HEADERS || length > LONGEST_MESSAGE || length % 4 != 0) return -EINVAL;
  if (words % 4 != 0 || words > LONGEST_PROGRAM || constants_length > UINT16_MAX) return -EINVAL;
  /* Whoever reads the dump must see the mark every time. */
  struct nlmsghdr header;
  memcpy(&header, pattern, sizeof(header));
  if (header.nlmsg_len != length || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) return -EINVAL;
  size_t most = 0;
  long certain = 0;
  for (size_t i = 0; i < words; i += 4) {
    struct instruction instruction = {program[i], program[i + 1], program[i + 2], program[i + 3]};
    int writes = check(&instruction, length, constants, constants_length);
    if (writes < 0) return -EINVAL;
    certain = certain_after(&instruction, writes, certain);
    if (certain < 0) return -EINVAL;
    most += (size_t)writes;
  }
  if (most > MOST_OUTPUT) return -EINVAL;

  size_t pairs = (length + 7) / 8;
  struct trace *trace = calloc(1, sizeof(*trace) + 16 * pairs + 2 * words + constants_length);
  if (trace == NULL) return -ENOMEM;
  if (traces->count == MOST_TRACES) remove_oldest(traces);
  uint8_t *behind = (uint8_t *)(trace->bits + 2 * pairs);
  trace->program = (struct instruction *)behind;
  trace->constants = behind + 2 * words;
  trace->length = length;
  trace->instructions = words / 4;
  trace->most_output = most;
  trace->used = ++traces->uses;
  if (words > 0) memcpy(behind, program, 2 * words);
  if (constants_length > 0) memcpy(behind + 2 * words, constants, constants_length);
  for (size_t at = 0; at < length; at++) {
    if (at >= SEQUENCE_AT && at < SEQUENCE_AT + sizeof(header.nlmsg_seq)) continue;
    /* Length, type and flags are always those of the pattern. */
    uint8_t counts = at < SEQUENCE_AT ? 0xff : mask[at];
    uint8_t *bits = (uint8_t *)(trace->bits + at / 8 * 2) + at % 8;
    bits[0] = counts;
    bits[8] = pattern[at] & counts;
  }
  struct trace **first = &traces->of_length[length / 4];
  trace->next = *first;
  *first = traces->newest = trace;
  traces->count++;
  return 0;
}

/* Repeating a trace */

static uint8_t *big_endian(uint8_t *out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i > 0; i--, value >>= 8)
    out[i - 1] = (uint8_t)value;
  return out + bytes;
}

static uint64_t seconds(const uint8_t *nanoseconds) {
  return read_big_endian(nanoseconds, 8) / NS_PER_SECOND;
}

static uint8_t *decimal(uint8_t *out, uint64_t value) {
  uint8_t digits[20], *first = digits + sizeof(digits);
  /* Most values are small, and dividing those is faster. */
  if (value <= UINT32_MAX) {
    uint32_t rest = (uint32_t)value;
    do
      *--first = '0' + rest % 10;
    while ((rest /= 10) != 0);
  } else {
    do
      *--first = '0' + value % 10;
    while ((value /= 10) != 0);
  }
  size_t length = (size_t)(digits + sizeof(digits) - first);
  memcpy(out, first, length);
  return out + length;
}

static uint8_t *hex(uint8_t *out, unsigned value) {
  for (int shift = value > 0xfff ? 12 : value > 0xff ? 8 : value > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
    *out++ = (uint8_t) "0123456789abcdef"[value >> shift & 0xf];
  }
  return out;
}

static uint8_t *ipv4(const struct traces *traces, uint8_t *out, const uint8_t *address) {
  for (int i = 0; i < 4; i++) {
    const uint8_t *octet = traces->octets[address[i]];
    /* Three digits always: what is too much is written over by what comes next. */
    memcpy(out, octet, 3);
    out += octet[3];
    *out++ = '.';
  }
  return out - 1;
}

/* As inet_ntop(3). */
static uint8_t *ipv6(const struct traces *traces, uint8_t *out, const uint8_t *address) {
  int run = -1, length = 1;
  for (int i = 0; i < 8;) {
    int end = i;
    while (end < 8 && address[2 * end] == 0 && address[2 * end + 1] == 0)
      end++;
    if (end - i > length) {
      run = i;
      length = end - i;
    }
    i = end > i ? end : i + 1;
  }
  /* IPv4-compatible and IPv4-mapped addresses end in a dotted quad. */
  bool mapped = run == 0 && (length == 6 || (length == 5 && address[10] == 0xff && address[11] == 0xff));
  int groups = mapped ? 6 : 8;
  for (int i = 0; i < groups; i++) {
    if (i == run) {
      *out++ = ':';
      i += length - 1;
      if (i >= groups - 1) *out++ = ':';
      continue;
    }
    if (i > 0) *out++ = ':';
    out = hex(out, (unsigned)(address[2 * i] << 8 | address[2 * i + 1]));
  }
  if (!mapped) return out;
  if (length == 5) *out++ = ':';
  return ipv4(traces, out, address + 12);
}

/* Writes a text as check_text describes it, and moves `from` behind it. */
static uint8_t *text(uint8_t *out, const uint8_t **from) {
  size_t length = *(*from)++;
  memcpy(out, *from, length);
  *from += length;
  return out + length;
}

static uint8_t *flags(uint8_t *out, const uint8_t *payload, const uint8_t *table) {
  const uint8_t *first = table, *between = first + 1 + *first, *none = between + 1 + *between, *row = none + 1 + *none;
  const uint8_t *before = first;
  for (int rows = *row++; rows > 0; rows--) {
    uint8_t byte = row[0], bit = row[1];
    row += 2;
    if ((payload[byte] & bit) == 0) {
      row += 1 + *row;
      continue;
    }
    out = text(out, &before);
    out = text(out, &row);
    before = between;
  }
  return before == first ? text(out, &none) : out;
}

/* Whether the value comes before, is, or comes after another one, under a mask. */
static int compare(const uint8_t *value, const uint8_t *mask, const uint8_t *with, size_t width) {
  for (size_t i = 0; i < width; i++) {
    int difference = (value[i] & mask[i]) - with[i];
    if (difference != 0) return difference;
  }
  return 0;
}

static bool is_in(const uint8_t *value, size_t width, const uint8_t *set) {
  const uint8_t *item = set + 2;
  for (unsigned items = (unsigned)(set[0] << 8 | set[1]); items > 0; items--, item += 3 * width) {
    if (compare(value, item, item + width, width) >= 0 && compare(value, item, item + 2 * width, width) <= 0)
      return true;
  }
  return false;
}

/* Of two numbers of 8 bytes; a sum that is too large counts as the largest. */
static bool is_sum_in(const uint8_t *one, const uint8_t *other, const uint8_t *set) {
  uint64_t a = read_big_endian(one, 8), sum = a + read_big_endian(other, 8);
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++)
    bytes[i] = sum < a ? 0xff : (uint8_t)(sum >> (56 - 8 * i));
  return is_in(bytes, sizeof(bytes), set);
}

static uint64_t positive_difference(uint64_t from, uint64_t to) {
  return to > from ? to - from : 0;
}

/* Tables of sums */

/* False for a table whose words do not say what it is. */
static bool open_table(const struct table *table, struct open_table *opened) {
  const uint32_t *words = table->words;
  if (table->length < TABLE_WORDS) return false;
  uint64_t capacity = words[TABLE_CAPACITY], key_words = words[TABLE_KEY_WORDS], sums = words[TABLE_SUMS];
  uint64_t room = table->length - TABLE_WORDS;
  if (capacity == 0 || (capacity & (capacity - 1)) != 0 || words[TABLE_SIZE] > capacity) return false;
  if (capacity > room || key_words > room || sums > room / 2) return false;
  if (capacity > (room - 2 * sums) / (2 + key_words + 2 * sums)) return false;
  opened->words = table->words;
  opened->capacity = (uint32_t)capacity;
  opened->most = words[TABLE_MOST];
  /* A drop must make room, and find what it drops within the capacity. */
  bool bounded = words[TABLE_KEPT] < opened->most && opened->most <= capacity;
  opened->kept = bounded ? words[TABLE_KEPT] : 0;
  opened->key_words = (uint32_t)key_words;
  opened->sum_count = (uint32_t)sums;
  opened->places = table->words + TABLE_WORDS;
  opened->keys = opened->places + 2 * capacity;
  opened->sums = opened->keys + capacity * key_words;
  return true;
}

/* Whether the next new group would find no room, and is not one too many. */
static bool is_full(const struct open_table *table) {
  return table->words != NULL && table->words[TABLE_SIZE] >= table->capacity && table->capacity < table->most;
}

/* GroupTable in src/tally/group-table.ts hashes likewise. */
static uint32_t hash_of(const uint8_t *key, size_t words, uint32_t hash) {
  for (size_t i = 0; i < words; i++) {
    uint32_t word;
    memcpy(&word, key + 4 * i, sizeof(word));
    hash = (hash ^ word) * UINT32_C(0x9e3779b1);
    hash ^= hash >> 15;
  }
  hash *= UINT32_C(0x85ebca6b);
  return hash ^ hash >> 13;
}

static uint64_t sum_of(const struct open_table *table, uint32_t row, uint32_t index) {
  uint64_t sum;
  memcpy(&sum, table->sums + 2 * ((size_t)row * table->sum_count + index), sizeof(sum));
  return sum;
}

static void add_to(uint32_t *sum, uint64_t value) {
  uint64_t total;
  memcpy(&total, sum, sizeof(total));
  total += value;
  memcpy(sum, &total, sizeof(total));
}

/* The least value of a sum that no more than `count` rows exceed, digit by digit from the highest. */
static uint64_t exceeded_by(const struct open_table *table, uint32_t index, uint32_t count) {
  uint32_t size = table->words[TABLE_SIZE];
  uint64_t any = 0, least = 0;
  for (uint32_t row = 0; row < size; row++)
    any |= sum_of(table, row, index);
  for (int shift = 56; shift >= 0; shift -= 8) {
    if (any >> shift == 0) continue;
    /* By this digit: rows whose higher digits are those of the least value. */
    uint32_t rows[256] = {0}, digit = 255;
    for (uint32_t row = 0; row < size; row++) {
      uint64_t sum = sum_of(table, row, index);
      if (((sum ^ least) >> shift) <= 0xff) rows[sum >> shift & 0xff]++;
    }
    for (; digit > 0 && rows[digit] <= count; digit--)
      count -= rows[digit];
    least |= (uint64_t)digit << shift;
  }
  return least;
}

/* Gives places to the rows that have none: TypeScript leaves that to a run after it made the table larger. */
static void place_rows(const struct open_table *table) {
  uint32_t mask = 2 * table->capacity - 1, size = table->words[TABLE_SIZE];
  for (uint32_t row = table->words[TABLE_PLACED]; row < size; row++) {
    const uint8_t *key = (const uint8_t *)(table->keys + (size_t)row * table->key_words);
    uint32_t place = hash_of(key, table->key_words, table->words[TABLE_SEED]) & mask;
    for (uint32_t tries = 0; table->places[place] != 0 && tries <= mask; tries++)
      place = (place + 1) & mask;
    table->places[place] = row + 1;
  }
  table->words[TABLE_PLACED] = size;
}

static bool exceeds_any(const struct open_table *table, uint32_t row, const uint64_t *least, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (sum_of(table, row, i) > least[i]) return true;
  }
  return false;
}

/* Keeps the rows that are among the largest by any of the sums, and the first of the others. GroupTable in
 * src/tally/group-table.ts does likewise. */
static void drop_rows(const struct open_table *table) {
  const size_t row_words = 2 * (size_t)table->sum_count, key_words = table->key_words;
  uint32_t *words = table->words, *rest = table->sums + table->capacity * row_words;
  uint32_t size = words[TABLE_SIZE], ranked = table->sum_count < MOST_RANKED ? table->sum_count : MOST_RANKED;
  uint64_t least[MOST_RANKED];
  for (uint32_t i = 0; i < ranked; i++)
    least[i] = exceeded_by(table, i, table->kept / ranked);
  uint32_t others = table->kept, to = 0, whole = 0;
  for (uint32_t row = 0; row < size; row++)
    others -= exceeds_any(table, row, least, ranked);
  if (words[TABLE_DROPS]++ == 0) words[TABLE_WHOLE] = size;
  for (uint32_t row = 0; row < size; row++) {
    uint32_t *sums = table->sums + row * row_words;
    if (!exceeds_any(table, row, least, ranked) && others-- == 0) {
      others = 0;
      for (size_t i = 0; i < row_words; i += 2)
        add_to(rest + i, sum_of(table, row, (uint32_t)i / 2));
      continue;
    }
    memmove(table->keys + to * key_words, table->keys + row * key_words, 4 * key_words);
    memmove(table->sums + to * row_words, sums, 4 * row_words);
    whole += row < words[TABLE_WHOLE];
    to++;
  }
  memset(table->sums + to * row_words, 0, 4 * row_words * (size - to));
  memset(table->places, 0, 8 * (size_t)table->capacity);
  words[TABLE_SIZE] = to;
  words[TABLE_WHOLE] = whole;
  words[TABLE_PLACED] = 0;
  place_rows(table);
}

/* The sums of a key's row, which is made where there is room for it, else NULL. The key is as many words as the table's
 * are. */
static uint32_t *enter(const struct open_table *table, const uint8_t *key) {
  const size_t words = table->key_words, row_words = 2 * (size_t)table->sum_count;
  uint32_t mask = 2 * table->capacity - 1, place = hash_of(key, words, table->words[TABLE_SEED]) & mask, row;
  /* Half of the places are free, if the table is what it says; else this ends all the same. */
  for (uint32_t tries = 0; (row = table->places[place]) != 0; place = (place + 1) & mask) {
    if (row > table->capacity || tries++ > mask) return NULL;
    if (memcmp(table->keys + (row - 1) * words, key, 4 * words) == 0) return table->sums + (row - 1) * row_words;
  }
  row = table->words[TABLE_SIZE];
  if (row >= table->most && table->kept > 0) {
    drop_rows(table);
    return enter(table, key);
  }
  if (row >= table->most || row >= table->capacity) return NULL;
  memcpy(table->keys + row * words, key, 4 * words);
  table->places[place] = row + 1;
  table->words[TABLE_SIZE] = table->words[TABLE_PLACED] = row + 1;
  return table->sums + row * row_words;
}

static void raise_to(uint32_t *sum, uint64_t value) {
  uint64_t before;
  memcpy(&before, sum, sizeof(before));
  if (value > before) memcpy(sum, &value, sizeof(value));
}

/* Whether a key, inverted behind its first byte or not, does not come before the bytes behind the first word. */
static bool is_not_before(const struct table *table, const uint8_t *key, size_t width, bool inverted) {
  const uint8_t *threshold = (const uint8_t *)(table->words + 1);
  if (table->length < 1 || width > 4 * (table->length - 1)) return false;
  for (size_t i = 0; i < width; i++) {
    uint8_t byte = inverted && i > 0 ? (uint8_t)~key[i] : key[i];
    if (byte != threshold[i]) return byte > threshold[i];
  }
  return true;
}

/* What is remembered of flows */

/* Whether the words say that it is such a memory, with all of its places. */
static bool is_memory(const struct table *memory) {
  const uint32_t *words = memory->words;
  if (memory->length < MEMORY_WORDS || words[MEMORY_NO_TABLE] != 0) return false;
  size_t capacity = words[MEMORY_CAPACITY];
  if (capacity == 0 || (capacity & (capacity - 1)) != 0) return false;
  return capacity <= (memory->length - MEMORY_WORDS) / PLACE_WORDS;
}

/* Whether the next new flow would find no room: three in ten places stay free. */
static bool is_memory_full(const uint32_t *words) {
  return UINT64_C(10) * words[MEMORY_USED] >= UINT64_C(7) * words[MEMORY_CAPACITY];
}

static uint32_t place_of(uint32_t id, uint32_t mask) {
  uint32_t hash = id * UINT32_C(0x9e3779b1);
  return (hash ^ hash >> 15) & mask;
}

/* Puts a flow where it belongs; or takes the place of a loose one, which is then the flow to go on with. */
static bool settle(uint32_t *words, uint32_t *flow) {
  uint32_t mask = words[MEMORY_CAPACITY] - 1, index = place_of(flow[PLACE_ID], mask);
  for (uint32_t tries = 0; tries <= mask; tries++, index = (index + 1) & mask) {
    uint32_t *place = words + MEMORY_WORDS + (size_t)PLACE_WORDS * index, loose[PLACE_WORDS];
    if (place[PLACE_SEEN] != 0 && (place[PLACE_SEEN] & LOOSE) == 0) continue;
    memcpy(loose, place, sizeof(loose));
    memcpy(place, flow, sizeof(loose));
    memcpy(flow, loose, sizeof(loose));
    flow[PLACE_SEEN] &= ~LOOSE;
    return flow[PLACE_SEEN] == 0;
  }
  return true;
}

/* Drops what is forgotten of the first places, and moves what is remembered there to where it belongs: TypeScript
 * leaves that to a run. FlowMemory in src/top/flow-memory.ts does likewise. */
static void settle_flows(uint32_t *words) {
  uint32_t *first = words + MEMORY_WORDS, oldest = words[MEMORY_OLDEST], count = words[MEMORY_UNSETTLED], kept = 0;
  if (count == 0) return;
  if (count > words[MEMORY_CAPACITY]) count = words[MEMORY_CAPACITY];
  for (uint32_t i = 0; i < count; i++) {
    uint32_t *seen = first + (size_t)PLACE_WORDS * i + PLACE_SEEN;
    bool is_kept = *seen != 0 && *seen >= oldest;
    *seen = is_kept ? *seen | LOOSE : 0;
    kept += is_kept;
  }
  for (uint32_t i = 0; i < count; i++) {
    uint32_t *place = first + (size_t)PLACE_WORDS * i, flow[PLACE_WORDS];
    if ((place[PLACE_SEEN] & LOOSE) == 0) continue;
    memcpy(flow, place, sizeof(flow));
    place[PLACE_SEEN] = 0;
    flow[PLACE_SEEN] &= ~LOOSE;
    while (!settle(words, flow)) {
    }
  }
  words[MEMORY_USED] = words[MEMORY_SETTLED] = kept;
  words[MEMORY_UNSETTLED] = 0;
}

/* The place of a flow that is remembered; else NULL, and `room` is where it would go, NULL for nowhere. FlowMemory in
 * src/top/flow-memory.ts does likewise. */
static uint32_t *find_flow(uint32_t *words, uint32_t id, uint32_t **room) {
  uint32_t mask = words[MEMORY_CAPACITY] - 1, oldest = words[MEMORY_OLDEST];
  uint32_t index = place_of(id, mask);
  *room = NULL;
  for (uint32_t tries = 0; tries <= mask; tries++, index = (index + 1) & mask) {
    uint32_t *place = words + MEMORY_WORDS + (size_t)PLACE_WORDS * index;
    bool kept = place[PLACE_SEEN] >= oldest;
    if (place[PLACE_SEEN] == 0) {
      if (*room == NULL) *room = place;
      return NULL;
    }
    if (place[PLACE_ID] == id && kept) return place;
    if (!kept && *room == NULL) *room = place;
  }
  return NULL;
}

/* Notes that a flow is there. Returns its place, NULL where there is no room. */
static uint32_t *recall(uint32_t *words, uint32_t id, bool *is_new) {
  uint32_t *room, *place = find_flow(words, id, &room);
  *is_new = place == NULL;
  if (place == NULL) {
    place = room;
    if (place == NULL || (place[PLACE_SEEN] == 0 && is_memory_full(words))) return NULL;
    if (place[PLACE_SEEN] == 0) words[MEMORY_USED]++;
    place[PLACE_ID] = id;
    memset(place + PLACE_COUNTERS, 0, 16);
  }
  place[PLACE_SEEN] = words[MEMORY_PASS];
  return place;
}

/* By how much a counter is above what it was. One that went down was set to zero since. */
static uint64_t growth(const uint32_t *counter, uint64_t value) {
  uint64_t before = 0;
  if (counter != NULL) memcpy(&before, counter, sizeof(before));
  return value >= before ? value - before : value;
}

static bool grew_little(uint32_t *words, uint32_t id, uint64_t value, unsigned which) {
  uint32_t *room, *place = find_flow(words, id, &room);
  uint64_t least;
  memcpy(&least, words + MEMORY_LEAST, sizeof(least));
  return growth(place == NULL ? NULL : place + PLACE_COUNTERS + (size_t)2 * which, value) <= least;
}

static bool fits(struct trace *trace, const uint8_t *message) {
  const uint64_t *bits = trace->bits;
  size_t whole = trace->length / 8;
  uint64_t word;
  if (trace->length % 8 != 0) {
    uint32_t half, wanted[2];
    memcpy(&half, message + 8 * whole, sizeof(half));
    memcpy(&wanted[0], bits + 2 * whole, sizeof(half));
    memcpy(&wanted[1], bits + 2 * whole + 1, sizeof(half));
    if (((half ^ wanted[1]) & wanted[0]) != 0) return false;
  }
  memcpy(&word, message + 8 * trace->telling, sizeof(word));
  if (((word ^ bits[2 * trace->telling + 1]) & bits[2 * trace->telling]) != 0) return false;
  for (size_t i = 0; i < whole; i++, bits += 2) {
    memcpy(&word, message + 8 * i, sizeof(word));
    if (((word ^ bits[1]) & bits[0]) == 0) continue;
    trace->telling = i;
    return false;
  }
  return true;
}

/* Where the output ends; NULL where a condition of the trace does not hold. */
static uint8_t *repeat(struct run *run, const struct trace *trace, const uint8_t *message, uint8_t *out) {
  uint8_t *begin = out;
  /* The row that ENTER found, and how many sums it has. */
  uint32_t *sums = NULL;
  size_t sum_count = 0;
  /* What RECALL found. */
  uint32_t *flow = NULL;
  const struct instruction *end = trace->program + trace->instructions;
  for (const struct instruction *i = trace->program; i < end; i++) {
    const uint8_t *at = message + i->at;
    switch (i->operation) {
    case TEXT:
      memcpy(out, trace->constants + i->at, i->b);
      out += i->b;
      break;
    case COPY:
      memcpy(out, at, i->b);
      out += i->b;
      break;
    case DECIMAL:
      out = decimal(out, read_big_endian(at, i->b));
      break;
    case HOST_DECIMAL: {
      uint32_t value;
      memcpy(&value, at, sizeof(value));
      out = decimal(out, value);
      break;
    }
    case HEX:
      out = hex(out, (unsigned)read_big_endian(at, 2));
      break;
    case IPV4:
      out = ipv4(run->traces, out, at);
      break;
    case IPV6:
      out = ipv6(run->traces, out, at);
      break;
    case NAME: {
      const uint8_t *names = trace->constants + i->b, *name = names + 1 + (*at < i->c ? *at : 0) * *names;
      out = text(out, &name);
      break;
    }
    case FLAGS:
      out = flags(out, at, trace->constants + i->b);
      break;
    case AGE:
      out = decimal(out, positive_difference(seconds(at), run->now / 1000000));
      break;
    case SPAN: {
      const uint8_t *to = message + i->b;
      uint64_t whole = positive_difference(read_big_endian(at, 8), read_big_endian(to, 8)) / NS_PER_SECOND;
      out = decimal(out, i->c != 0 ? whole : positive_difference(seconds(at), seconds(to)));
      break;
    }
    case IN:
      if (!is_in(at, i->b, trace->constants + i->c)) return NULL;
      break;
    case NOT_IN:
      if (is_in(at, i->b, trace->constants + i->c)) return NULL;
      break;
    case SAME:
      if (memcmp(at, message + i->b, i->c) != 0) return NULL;
      break;
    case DIFFERENT:
      if (memcmp(at, message + i->b, i->c) == 0) return NULL;
      break;
    case BEFORE:
      if (run->now >= read_big_endian(trace->constants + i->at, 8)) return NULL;
      break;
    case SUM_IN:
      if (!is_sum_in(at, message + i->b, trace->constants + i->c)) return NULL;
      break;
    case SUM_NOT_IN:
      if (is_sum_in(at, message + i->b, trace->constants + i->c)) return NULL;
      break;
    case COUNT:
      run->counters[i->at]++;
      break;
    case COMBINE: {
      const uint8_t *mask = trace->constants + i->c, *change = mask + i->b;
      for (size_t j = 0; j < i->b; j++)
        *out++ = (at[j] & mask[j]) ^ change[j];
      break;
    }
    case LOOKUP:
      *out++ = trace->constants[i->b + *at];
      break;
    case QUOTIENT:
      out = big_endian(out, read_big_endian(at, 4) / read_big_endian(trace->constants + i->b, 4), 4);
      break;
    case ADD:
      out = big_endian(out, read_big_endian(at, 8) + read_big_endian(message + i->b, 8), 8);
      break;
    case NUMBER: {
      uint32_t number = run->counters[i->b]++;
      memcpy(begin + i->at, &number, sizeof(number));
      break;
    }
    case ENTER: {
      const struct open_table *table = &run->tables[i->at];
      size_t words = (i->b + 3u) / 4;
      sums = NULL;
      sum_count = 0;
      /* Without its table the key stays in the output: that is how a new trace is tried. */
      if (table->words == NULL) break;
      memset(out, 0, 4 * words - i->b);
      out -= i->b;
      if (words != table->key_words) break;
      sums = enter(table, out);
      if (sums != NULL) sum_count = table->sum_count;
      run->full = run->full || is_full(table);
      break;
    }
    case ADD_ONE:
      if (i->at < sum_count) add_to(sums + 2 * i->at, 1);
      break;
    case ADD_FIELD:
      if (i->b < sum_count) add_to(sums + 2 * i->b, read_big_endian(at, 8));
      break;
    case KEEP_LEAST:
      if (i->b < sum_count) raise_to(sums + 2 * i->b, ~read_big_endian(at, 8));
      break;
    case NOT_BEFORE:
      out -= i->b;
      if (i->at >= run->request->table_count || !is_not_before(&run->request->tables[i->at], out, i->b, i->c != 0))
        return NULL;
      break;
    case RECALL: {
      flow = NULL;
      /* Without its memory nothing is done: that is how a new trace is tried. */
      if (i->b >= run->request->table_count || !is_memory(&run->request->tables[i->b])) break;
      uint32_t *words = run->request->tables[i->b].words;
      bool is_new;
      flow = recall(words, (uint32_t)read_big_endian(at, 4), &is_new);
      if (is_new && i->c < sum_count) add_to(sums + 2 * i->c, 1);
      run->full = run->full || is_memory_full(words);
      break;
    }
    case ADD_GROWTH: {
      if (flow == NULL) break;
      uint32_t *counter = flow + PLACE_COUNTERS + 2 * i->b;
      uint64_t value = read_big_endian(at, 8);
      if (i->c < sum_count) add_to(sums + 2 * i->c, growth(counter, value));
      memcpy(counter, &value, sizeof(value));
      break;
    }
    case GREW_LITTLE: {
      unsigned number = i->c / 2u;
      if (number >= run->request->table_count || !is_memory(&run->request->tables[number])) break;
      uint64_t value = read_big_endian(message + i->b, 8);
      uint32_t id = (uint32_t)read_big_endian(at, 4);
      if (!grew_little(run->request->tables[number].words, id, value, i->c % 2)) return NULL;
      break;
    }
    }
  }
  return out;
}

/* Notes that a message wrote something. */
static void choose(struct run *run, const uint8_t *message, uint32_t length, const uint8_t *out) {
  uint32_t *state = run->state;
  state[STATE_COUNT]++;
  state[STATE_LAST] = (uint32_t)(out - run->request->out);
  if (run->request->chosen == NULL) return;
  int32_t *pair = run->request->chosen + 2 * state[STATE_CHOSEN]++;
  pair[0] = (int32_t)(message - run->in);
  pair[1] = (int32_t)length;
}

/* Does the messages from *at to `end`, and moves *at and *out on. */
static int run_messages(struct run *run, size_t *at, size_t end, uint8_t **out) {
  struct traces *traces = run->traces;
  const struct run_request *request = run->request;
  while (end - *at >= HEADERS) {
    const uint8_t *message = run->in + *at;
    uint32_t length, sequence;
    memcpy(&length, message, sizeof(length));
    memcpy(&sequence, message + SEQUENCE_AT, sizeof(sequence));
    if (length < HEADERS || length > end - *at || length > LONGEST_MESSAGE || length % 4 != 0 ||
        sequence - run->sequence >= run->sequences) {
      return RUN_UNKNOWN;
    }
    if (run->full) return RUN_FULL;
    if (request->chosen != NULL && 2 * (size_t)run->state[STATE_CHOSEN] + 2 > request->chosen_words) return RUN_FULL;
    struct trace **first = &traces->of_length[length / 4], **link = first, *trace;
    uint8_t *written = NULL;
    for (; (trace = *link) != NULL; link = &trace->next) {
      if (!fits(trace, message)) continue;
      if (trace->most_output > (size_t)(run->out_end - *out)) return RUN_FULL;
      written = repeat(run, trace, message, *out);
      if (written != NULL) break;
    }
    if (written == NULL) return RUN_UNKNOWN;
    trace->used = ++traces->uses;
    if (link != first) {
      *link = trace->next;
      trace->next = *first;
      *first = trace;
    }
    if (written != *out) choose(run, message, length, *out);
    *out = written;
    *at += length;
  }
  return *at == end ? RUN_END : RUN_UNKNOWN;
}

/* The same for datagrams in slots. */
static int run_datagrams(struct run *run, size_t *at, size_t slot, uint8_t **out) {
  const int32_t *lengths = run->request->lengths;
  for (size_t i; (i = *at / slot) < run->request->lengths_count; *at = (i + 1) * slot) {
    if (lengths[i] < 0 || (size_t)lengths[i] > slot) return RUN_UNKNOWN;
    size_t end = i * slot + (size_t)lengths[i];
    int ended = *at < end ? run_messages(run, at, end, out) : RUN_END;
    if (ended != RUN_END) return ended;
  }
  return RUN_END;
}

/* The same for messages that pairs tell of; *at is the number of a pair. */
static int run_pairs(struct run *run, size_t *at, uint8_t **out) {
  const struct run_request *request = run->request;
  for (; *at < request->lengths_count / 2; ++*at) {
    int32_t begin = request->lengths[2 * *at], length = request->lengths[2 * *at + 1];
    if (begin < 0 || length < 0 || (size_t)begin > request->in_size ||
        (size_t)length > request->in_size - (size_t)begin)
      return RUN_UNKNOWN;
    size_t message = (size_t)begin;
    int ended = run_messages(run, &message, message + (size_t)length, out);
    if (ended != RUN_END) return ended;
  }
  return RUN_END;
}

int traces_run(struct traces *traces, const struct run_request *request) {
  uint32_t *state = request->state;
  if (request->state_words < STATE_WORDS) return -EINVAL;
  size_t at = state[STATE_AT], end = state[STATE_END], length = state[STATE_LENGTH], slot = state[STATE_SLOT];
  const bool messages = request->lengths == NULL;
  if (length > request->out_size) return -EINVAL;
  if (messages ? at > end || end > request->in_size : slot != 0 && request->in_size / slot < request->lengths_count)
    return -EINVAL;
  struct run run = {.traces = traces,
                    .request = request,
                    .in = request->in,
                    .sequence = state[STATE_SEQUENCE],
                    .sequences = state[STATE_SEQUENCES] == 0 ? 1 : state[STATE_SEQUENCES],
                    .now = state[STATE_SECONDS] * UINT64_C(1000000) + state[STATE_MICROSECONDS],
                    .out_end = request->out + request->out_size,
                    .counters = state + STATE_COUNTERS,
                    .state = state};
  for (size_t i = 0; i < request->table_count; i++) {
    /* What is no table may be what keys are compared with, or what is remembered of flows. */
    const struct table *table = &request->tables[i];
    bool is_table = open_table(table, &run.tables[i]);
    bool memory = !is_table && is_memory(table);
    if (is_table) place_rows(&run.tables[i]);
    if (memory) settle_flows(table->words);
    if (is_table ? is_full(&run.tables[i]) : memory && is_memory_full(table->words)) run.full = true;
  }
  uint8_t *written = request->out + length;
  int ended = messages    ? run_messages(&run, &at, end, &written)
              : slot != 0 ? run_datagrams(&run, &at, slot, &written)
                          : run_pairs(&run, &at, &written);
  state[STATE_AT] = (uint32_t)at;
  state[STATE_LENGTH] = (uint32_t)(written - request->out);
  return ended;
}
