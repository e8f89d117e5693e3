/**
 * What conditions ask for and an entry may lack: counters, times. Such an entry never matches, negated or not, and whoever
 * asked must be told, for the table may be full of them.
 */
import * as C from "../ctnetlink/constants.js";
import * as S from "../ctnetlink/slots.js";
import type { Counter, FlowView } from "../ctnetlink/view.js";
import { compileFilter, type FlowFilter, type Predicate } from "./filter.js";

/** The facts, with what of a filter asks for each. */
const FACTS = {
  counters: { conditions: ["bytes", "packets"], slot: S.COUNTERS_ORIG + C.CTA_COUNTERS_BYTES },
  start: { conditions: ["ageSeconds"], slot: S.TIMESTAMP + C.CTA_TIMESTAMP_START },
  timeout: { conditions: ["expiresSeconds"], slot: S.TOP + C.CTA_TIMEOUT },
} as const satisfies Record<string, { conditions: readonly (keyof FlowFilter)[]; slot: number }>;

export type Fact = keyof typeof FACTS;

const NAMES = Object.keys(FACTS) as Fact[];

/** Counts the entries that would match but for a fact that they lack. */
export class MissingFacts {
  /** How many entries lack each fact. */
  readonly counts = new Map<Fact, Counter>();
  readonly #facts: readonly Fact[];
  readonly #others: Predicate | undefined;

  private constructor(filter: FlowFilter, facts: readonly Fact[]) {
    this.#facts = facts;
    const rest = { ...filter };
    for (const { conditions } of Object.values(FACTS)) for (const condition of conditions) delete rest[condition];
    this.#others = compileFilter(rest);
  }

  /** For those of some facts, or of all, that a filter asks for; undefined where it asks for none. */
  static of(filter: FlowFilter, among: readonly Fact[] = NAMES): MissingFacts | undefined {
    const facts = among.filter((name) => FACTS[name].conditions.some((condition) => filter[condition] !== undefined));
    return facts.length === 0 ? undefined : new MissingFacts(filter, facts);
  }

  /** To be told of each entry that did not match. */
  note(view: FlowView): void {
    const missing = this.#facts.find((fact) => !view.has(FACTS[fact].slot));
    if (missing === undefined || this.#others?.(view) === false) return;
    let counter = this.counts.get(missing);
    if (counter === undefined) this.counts.set(missing, (counter = { count: 0 }));
    view.count(counter);
  }
}
