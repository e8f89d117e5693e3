/** What the user of the view has chosen, and what a key makes of it. Nothing here reads the table or draws. */

import { isMetBy } from "../match/conditions.js";
import type { FlowFilter } from "../match/filter.js";
import { PROTOCOLS } from "../protocol/protocols.js";
import { UsageError } from "../system/errors.js";
import { type PortNames, serviceName } from "../system/service-names.js";
import { type Field, fieldByName } from "../tally/fields.js";
import { flowOptions, groupOptions } from "./drill.js";
import { EditLine } from "./edit-line.js";
import type { Key, KeyName } from "./keys.js";
import { Pager } from "./pager.js";
import type { FlowSort } from "./passes.js";
import type { FlowRow, GroupRow, GroupSort } from "./rows.js";

/** What g goes through, after what the command line asked for. The empty one shows flows for themselves. */
const GROUPINGS: readonly (readonly string[])[] = [
  ["src"],
  ["dst"],
  ["dst", "dport"],
  ["dport"],
  ["state"],
  ["src", "dst"],
  [],
];

export const GROUP_SORTS: readonly GroupSort[] = [
  "fields",
  "flows",
  "change",
  "unreplied",
  "up",
  "down",
  "fresh",
  "gone",
  "bytes",
  "age",
];
export const FLOW_SORTS: readonly FlowSort[] = ["up", "down", "bytes", "age", "expires"];

const WITH_PORTS = PROTOCOLS.filter(({ kind }) => kind === "ports");

const INTERVALS = [0.5, 1, 2, 5, 10, 30, 60, 300];

/** What the view begins with. */
export interface Start {
  readonly filter: FlowFilter;
  /** The filter as the command line said it. */
  readonly filterText: string;
  readonly by: readonly Field[];
  readonly sort: GroupSort | FlowSort | undefined;
  readonly reverse: boolean;
  readonly intervalSeconds: number;
  readonly limit?: number;
  /** Reads a filter as the command line does. Throws UsageError. */
  readFilter(text: string): FlowFilter;
  /** A filter's text for a shell. */
  shellText(text: string): string;
  /** Empty where the machine has none. */
  portNames(): PortNames;
}

/** What can be gone back to. */
interface Place {
  readonly filter: FlowFilter;
  readonly filterText: string;
  readonly by: readonly Field[];
}

/** What the loop has to do because of a key. */
export type Effect = "none" | "quit" | "suspend" | "redraw" | "read-again" | "read-all" | "sort-again" | "diagnose";

/** The row that is selected, as the screen shows it now. */
export type Selected = { readonly group: GroupRow } | { readonly flow: FlowRow } | undefined;

export class ViewState {
  filter: FlowFilter;
  filterText: string;
  by: readonly Field[];
  groupSort: GroupSort = "flows";
  flowSort: FlowSort = "down";
  reverse = false;
  isPaused = false;
  intervalSeconds: number;
  showsBytes = false;
  showsNames = false;
  /** The help, while it is shown. */
  help: Pager | undefined;
  readonly limit: number | undefined;
  /** The index of the row that is selected, and that of the first row on the screen. */
  selected = 0;
  first = 0;
  /** Whether the user has moved to a row, so that it stays selected wherever it goes, and that row as it was drawn last. */
  follows = false;
  followed: Selected;
  /** How many rows there are, and how many fit: the screen says so when it is drawn. */
  rowCount = 0;
  pageRows = 1;
  /** The filter while it is edited. */
  edit: EditLine | undefined;
  /** What the last key brought about, or what is wrong with the filter. */
  message = "";
  isError = false;
  /** Commands that were noted, to be printed at the end. */
  readonly notes: string[] = [];
  readonly #stack: Place[] = [];
  readonly #groupings: readonly (readonly Field[])[];
  readonly #readFilter: Start["readFilter"];
  readonly #shellText: Start["shellText"];
  readonly #portNames: Start["portNames"];

  constructor(start: Start) {
    const { filter, filterText, by, sort, reverse, intervalSeconds, limit } = start;
    this.filter = filter;
    this.filterText = filterText;
    this.by = by;
    this.intervalSeconds = intervalSeconds;
    this.limit = limit;
    this.#readFilter = start.readFilter;
    this.#shellText = start.shellText;
    this.#portNames = start.portNames;
    const usual = GROUPINGS.map((names) => names.map((name) => fieldByName(name)!));
    this.#groupings = usual.some((fields) => namesOf(fields) === namesOf(by)) ? usual : [by, ...usual];
    if (sort !== undefined) {
      if ((GROUP_SORTS as readonly string[]).includes(sort)) this.groupSort = sort as GroupSort;
      if ((FLOW_SORTS as readonly string[]).includes(sort)) this.flowSort = sort as FlowSort;
    }
    this.reverse = reverse;
  }

  /** Whether the rows are flows for themselves. */
  get showsFlows(): boolean {
    return this.by.length === 0;
  }

  get sort(): GroupSort | FlowSort {
    return this.showsFlows ? this.flowSort : this.groupSort;
  }

  /** "src,dport", or "none". */
  get grouping(): string {
    return namesOf(this.by) || "none";
  }

  /**
   * The service of a port, while names are shown. Without a protocol, all of those count that the filter lets through: they must not
   * have different names.
   */
  readonly portName = (port: number, protocol?: string): string | undefined => {
    if (!this.showsNames) return undefined;
    const { protonum } = this.filter;
    const possible = () => WITH_PORTS.filter(({ number }) => protonum === undefined || isMetBy(protonum, number));
    const protocols = protocol === undefined ? possible().map(({ name }) => name) : [protocol];
    return serviceName(this.#portNames(), port, protocols);
  };

  showHelp(): void {
    this.help = new Pager();
  }

  press(key: Key, selected: Selected): Effect {
    if (this.edit !== undefined) return this.#pressInEdit(this.edit, key);
    this.message = "";
    this.isError = false;
    if (this.help !== undefined && !isControl(key)) {
      if (!this.help.press(key)) this.help = undefined;
      return "redraw";
    }
    return "character" in key ? this.#pressCharacter(key.character, selected) : this.#pressNamed(key.name, selected);
  }

  #pressInEdit(edit: EditLine, key: Key): Effect {
    if ("name" in key) {
      switch (key.name) {
        case "enter":
          return this.#endEdit(edit.text.trim());
        case "escape":
        case "interrupt":
          this.edit = undefined;
          this.message = "";
          this.isError = false;
          return "redraw";
        case "suspend":
          return "suspend";
      }
    }
    edit.press(key);
    return "redraw";
  }

  #endEdit(text: string): Effect {
    const filter = this.#filterOf(text);
    if (filter === undefined) return "redraw";
    this.edit = undefined;
    this.message = "";
    this.isError = false;
    this.#go({ filter, filterText: text, by: this.by });
    return "read-again";
  }

  #pressCharacter(character: string, selected: Selected): Effect {
    switch (character) {
      case "q":
        return "quit";
      case " ":
        this.isPaused = !this.isPaused;
        return "redraw";
      case "g":
        return this.#regroup(1);
      case "G":
        return this.#regroup(-1);
      case "<":
      case ">":
        return this.#moveSort(character === ">" ? 1 : -1);
      case "r":
        this.reverse = !this.reverse;
        this.followed = undefined;
        return this.showsFlows ? "redraw" : "sort-again";
      case "/":
        this.edit = new EditLine(this.filterText === "" ? "" : `${this.filterText} `);
        return "redraw";
      case "a":
        this.#say("reading the whole table");
        return "read-all";
      case "+":
      case "-":
        return this.#changeInterval(character === "+" ? 1 : -1);
      case "b":
        this.showsBytes = !this.showsBytes;
        return "redraw";
      case "n":
        return this.#nameServices();
      case "d":
        return "diagnose";
      case "x":
        return this.#note(selected);
      case "h":
      case "?":
        this.showHelp();
        return "redraw";
      case "j":
        return this.#select(this.selected + 1);
      case "k":
        return this.#select(this.selected - 1);
      default:
        return "none";
    }
  }

  #pressNamed(name: KeyName, selected: Selected): Effect {
    switch (name) {
      case "interrupt":
      case "quit":
      case "end-of-input":
        return "quit";
      case "suspend":
        return "suspend";
      case "redraw":
        return "redraw";
      case "enter":
        return this.#into(selected);
      case "backspace":
        return this.#back();
      case "up":
        return this.#select(this.selected - 1);
      case "down":
        return this.#select(this.selected + 1);
      case "page-up":
        return this.#select(this.selected - this.pageRows);
      case "page-down":
        return this.#select(this.selected + this.pageRows);
      case "home":
        return this.#select(0);
      case "end":
        return this.#select(this.rowCount - 1);
      default:
        return "none";
    }
  }

  #say(message: string, isError = false): void {
    this.message = message;
    this.isError = isError;
  }

  /** Selects the row that is followed, which is at `row` now; -1 where it is gone: then what is in its place. */
  follow(row: number): void {
    if (row >= 0) this.selected = row;
  }

  /** Keeps the selected row within the rows, and on the screen. */
  clamp(): void {
    this.selected = Math.max(0, Math.min(this.selected, this.rowCount - 1));
    const least = Math.max(0, this.selected - this.pageRows + 1);
    this.first = Math.max(least, Math.min(this.first, this.selected, Math.max(0, this.rowCount - this.pageRows)));
  }

  /** The first row is followed nowhere: who is there looks at what comes first. */
  #select(row: number): Effect {
    this.selected = row;
    this.follows = row > 0;
    this.followed = undefined;
    this.clamp();
    return "redraw";
  }

  #go({ filter, filterText, by }: Place): void {
    this.#stack.push({ filter: this.filter, filterText: this.filterText, by: this.by });
    this.#show({ filter, filterText, by });
  }

  #show({ filter, filterText, by }: Place): void {
    this.filter = filter;
    this.filterText = filterText;
    this.by = by;
    this.selected = 0;
    this.first = 0;
    this.follows = false;
    this.followed = undefined;
  }

  #regroup(step: 1 | -1): Effect {
    const all = this.#groupings;
    const at = all.findIndex((fields) => namesOf(fields) === namesOf(this.by));
    const next = all[(at + step + all.length) % all.length]!;
    this.#show({ filter: this.filter, filterText: this.filterText, by: next });
    return "read-again";
  }

  #moveSort(step: 1 | -1): Effect {
    this.followed = undefined;
    if (this.showsFlows) {
      const at = FLOW_SORTS.indexOf(this.flowSort) + step;
      this.flowSort = FLOW_SORTS[(at + FLOW_SORTS.length) % FLOW_SORTS.length]!;
      // Another pass keeps other flows.
      return "read-again";
    }
    const at = GROUP_SORTS.indexOf(this.groupSort) + step;
    this.groupSort = GROUP_SORTS[(at + GROUP_SORTS.length) % GROUP_SORTS.length]!;
    return "sort-again";
  }

  #nameServices(): Effect {
    this.showsNames = !this.showsNames;
    if (!this.showsNames) this.#say("ports as numbers");
    else if (this.#portNames().size > 0) this.#say("services in place of ports");
    else {
      this.showsNames = false;
      this.#say("this machine has no names of services (/etc/services)", true);
    }
    return "redraw";
  }

  #changeInterval(step: 1 | -1): Effect {
    const at = INTERVALS.findIndex((seconds) => seconds >= this.intervalSeconds);
    this.intervalSeconds = INTERVALS[Math.max(0, Math.min(INTERVALS.length - 1, at + step))]!;
    return "redraw";
  }

  /** The filter that leaves the selected row alone; undefined, with a message, where no option says it. */
  #optionsOf(selected: Selected): string | undefined {
    if (selected === undefined) return undefined;
    if ("flow" in selected) {
      const { message, src, dst } = selected.flow;
      return flowOptions(message, src, dst);
    }
    const options = groupOptions(this.by, selected.group.values, this.filterText);
    if (options === undefined) this.#say("no filter says what this row is", true);
    return options;
  }

  /** Says what is wrong with a text that is no filter. */
  #filterOf(text: string): FlowFilter | undefined {
    try {
      return this.#readFilter(text);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#say(error.message, true);
      return undefined;
    }
  }

  #into(selected: Selected): Effect {
    if (selected === undefined || "flow" in selected) return "none";
    const options = this.#optionsOf(selected);
    if (options === undefined) return "redraw";
    const filterText = `${this.filterText} ${options}`.trim();
    const filter = this.#filterOf(filterText);
    if (filter === undefined) return "redraw";
    this.#go({ filter, filterText, by: this.#deeper() });
    return "read-again";
  }

  /** The next grouping by something that is not yet one value: flows for themselves at last. */
  #deeper(): readonly Field[] {
    const known = new Set(this.by.map(({ base }) => base));
    for (const { by } of this.#stack) for (const { base } of by) known.add(base);
    return this.#groupings.find((fields) => fields.every(({ base }) => !known.has(base))) ?? [];
  }

  #back(): Effect {
    const place = this.#stack.pop();
    if (place === undefined) return "none";
    this.#show(place);
    return "read-again";
  }

  #note(selected: Selected): Effect {
    const options = this.#optionsOf(selected);
    if (options === undefined) return "redraw";
    // A flow's options say all of it; a group's are to be found within the filter.
    const words = selected !== undefined && "flow" in selected ? options : `${this.filterText} ${options}`.trim();
    const command = `conntrack -D ${this.#shellText(words)} --dry-run`;
    if (!this.notes.includes(command)) this.notes.push(command);
    this.#say(`noted, printed at the end: ${command}`);
    return "redraw";
  }
}

const namesOf = (fields: readonly Field[]): string => fields.map(({ name }) => name).join();

const isControl = (key: Key): boolean =>
  "name" in key && ["interrupt", "quit", "suspend", "end-of-input"].includes(key.name);
