/** The tables of connection tracking, for programs: `import { Conntrack } from "conntrack"`. docs/api.md tells of all of it. */
export { toJson } from "./format/json.js";
export { Conntrack } from "./library/conntrack.js";
export type { Expectation, ExpectationFlag } from "./library/expectation.js";
export type { ExpectationKey, NewExpectation, NewMaster } from "./library/expectation-requests.js";
export type {
  AddressFilter,
  AmountFilter,
  Bounds,
  Condition,
  Filter,
  IcmpFilter,
  NumberFilter,
  Range,
  TranslationFilter,
  TupleFilter,
} from "./library/filter.js";
export type {
  AnyProtocol,
  AnyState,
  Direction,
  Family,
  Flow,
  Icmp,
  Label,
  Master,
  Nat,
  Protocol,
  ProtocolName,
  State,
  Status,
  Timestamp,
  Translation,
  Tuple,
} from "./library/flow.js";
export { fromJson } from "./library/from-json.js";
export type { Group, GroupCounters, GroupField, GroupKey, GroupOptions, GroupSort } from "./library/groups.js";
export type {
  BulkOptions,
  BulkResult,
  CpuStats,
  CreateOptions,
  EventBuffer,
  EventHead,
  EventName,
  EventOptions,
  Events,
  ExpectationCounter,
  ExpectationEvent,
  ExpectationEventOptions,
  ExpectationOptions,
  FlowCounter,
  FlowEvent,
  FlowSort,
  ItemResult,
  ListOptions,
  LostEvents,
  OpenOptions,
  Stoppable,
  StopSignal,
  TableName,
} from "./library/options.js";
export type { Changes, Endpoints, Key, NewFlow, NewTranslation } from "./library/requests.js";
export {
  AbortedError,
  BackendError,
  ClosedError,
  ConntrackError,
  KernelError,
  UsageError,
  WireError,
} from "./system/errors.js";
