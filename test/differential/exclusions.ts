/** Command lines on which the installed reference cannot be asked, each with its reason. */
import { installed } from "../support/reference.js";

interface Exclusion {
  words: RegExp;
  /** Only for this release of the reference; absent: for each, because ours deviates (docs/compatibility.md). */
  version?: string;
  why: string;
}

export const EXCLUSIONS: readonly Exclusion[] = [
  { words: /--(src|dst)key|--reply-key/, why: "the reference does not compare GRE keys" },
  {
    words: /(-u|--status)[ =]\S*(?=.*,)(?=\S*(!|UNREPLIED))\S*,/,
    why: "the reference shows nothing for wanted and negated flags together",
  },
  { words: /UNSET/, why: "the reference fails on UNSET as a filter" },
  { words: /(-c|--secmark)[ =]/, why: "the reference takes a missing secmark for any" },
  {
    words: /(?=.* (-z|--zero)\b)(?=.* (-[ngj]|--(src|dst|any)-nat)\b)/,
    why: "ours refuses -z with NAT filters, as with others",
  },
  {
    words: /(-[ngj]|--(src|dst|any)-nat)[ =]?\[?[0-9a-f]*:[0-9a-f]*:/,
    why: "the reference compares the ports of -n, -g and -j but no IPv6 address",
  },
  {
    words:
      /(?=.*(^| )(-C|--cou[a-z]*)( |$))(?=.*(^| )(-[sdrqpmfngjlMwuci(){}]|--(src|dst|orig|reply|mask|mark|fam|any|lab|zone|stat|sec|id|proto|sport|dport|icmp|[a-z]*vtag)))/,
    why: "a count takes the filters of a list",
  },
  {
    words: /(?=.*(^| )(-L|--du[a-z]*)( |$))(?=.* (-i|--id?)[ =\d])/,
    why: "a list takes an id",
  },
  {
    words: /(?=.*(^| )(-D|-U|--del[a-z]*|--up[a-z]*)( |$))(?=.* '?!'?( |$))/,
    why: "a lone exclamation mark is ignored by the reference, and so it deletes what must stay",
  },
  {
    words: /(?=.*(-b|--buffer))(?=.*--mask)/,
    why: "the reference sizes its socket, and says so, before it sees that a mask has no address",
  },
  { words: /--labelmap|-M /, version: "1.4.7", why: "1.4.7 has no --labelmap" },
  {
    words: /save.*labels|labels.*save/,
    version: "1.4.7",
    why: "1.4.7 reads the label map before it refuses the combination",
  },
  { words: /-(L|D|E|G|I|A|U|F|C|S)[a-zA-Z]/, version: "1.4.7", why: "1.4.7 takes the rest of the word for the table" },
  {
    words: /(^| )(-[A-Za-z]*m|--mar).* (-[A-Za-z]*u|--statu)/,
    version: "1.4.7",
    why: "1.4.7 loses the mark where -u follows it",
  },
];

/** Why a command line is not compared, or undefined. */
export function exclusion(words: string): string | undefined {
  return EXCLUSIONS.find((one) => one.words.test(words) && (one.version ?? installed?.version) === installed?.version)
    ?.why;
}
