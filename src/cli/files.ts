/** The files of the system that values may refer to, each read when it is first needed. */
import { type LabelMap, parseLabelMap } from "../system/labelmap.js";
import { type ProtocolNames, parseProtocolNames, usualProtocolNames } from "../system/protocol-names.js";
import { type PortNames, parsePortNames, parseServiceNames, type ServiceNames } from "../system/service-names.js";
import { decodeText } from "../system/text.js";
import type { Files, ParseContext } from "./draft.js";

const PROTOCOLS_PATH = "/etc/protocols";
const SERVICES_PATH = "/etc/services";

const known = new WeakMap<ParseContext, Files>();

/** The files as a context sees them: all lines of a load-file share what was read. */
export function filesOf(context: ParseContext): Files {
  let files = known.get(context);
  if (files === undefined) known.set(context, (files = openFiles(context)));
  return files;
}

function openFiles(context: ParseContext): Files {
  let protocols: ProtocolNames | undefined;
  let services: ServiceNames | undefined;
  let ports: PortNames | undefined;
  const labelMaps = new Map<string, LabelMap | undefined>();
  const read = (path: string) => decodeText(context.readFile(path));
  return {
    protocolNumber: (name) => {
      protocols ??= readable(() => parseProtocolNames(read(PROTOCOLS_PATH))) ?? usualProtocolNames();
      return protocols.get(name);
    },
    services: () => (services ??= readable(() => parseServiceNames(read(SERVICES_PATH))) ?? new Map()),
    portNames: () => (ports ??= readable(() => parsePortNames(read(SERVICES_PATH))) ?? new Map()),
    labelMap: (path, quietly = false) => {
      if (labelMaps.has(path)) return labelMaps.get(path);
      const map = readLabelMap(quietly ? { ...context, warn: () => {} } : context, () => read(path));
      if (map !== undefined || !quietly) labelMaps.set(path, map);
      return map;
    },
  };
}

function readable<Names>(read: () => Names): Names | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The map, or undefined with a warning where it is missing or has no label. The wording is the reference's. */
function readLabelMap(context: ParseContext, read: () => string): LabelMap | undefined {
  let errno = 0;
  try {
    const map = parseLabelMap(read());
    if (map.bits.size > 0) return map;
  } catch (error) {
    errno = Math.abs((error as NodeJS.ErrnoException).errno ?? 0);
  }
  context.warn(`nfct_labelmap_new: ${context.strerror(errno)}`);
  return undefined;
}
