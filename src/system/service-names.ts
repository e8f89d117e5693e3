/** Ports by service name, and names by port: /etc/services. */

/** Port numbers by `name/protocol`, and by `name` alone for the first protocol that has it. */
export type ServiceNames = ReadonlyMap<string, number>;

/** Service names by `port/protocol`. */
export type PortNames = ReadonlyMap<string, string>;

interface Service {
  /** The official name first, then the aliases. */
  readonly names: readonly string[];
  readonly port: number;
  readonly protocol: string;
}

/** services(5): `name port/protocol alias…`, comments from `#` on. */
function servicesOf(text: string): Service[] {
  return text.split("\n").flatMap((line) => {
    const [name, endpoint, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(\S+)$/.exec(endpoint ?? "") ?? [];
    if (name === undefined || protocol === undefined || Number(port) > 0xffff) return [];
    return [{ names: [name, ...aliases], port: Number(port), protocol }];
  });
}

/** The first line that has a name wins. */
export function parseServiceNames(text: string): ServiceNames {
  const ports = new Map<string, number>();
  for (const { names, port, protocol } of servicesOf(text)) {
    for (const name of names) {
      for (const key of [`${name}/${protocol}`, name]) if (!ports.has(key)) ports.set(key, port);
    }
  }
  return ports;
}

/** A name that can stand in place of a port: RFC 6335 wants a letter in it too. Others would be taken for a port, or for nothing. */
const SHOWABLE = /^(?=.*[A-Za-z])[\x21-\x7e]+$/;

/** The first line that has a port wins, with its official name. */
export function parsePortNames(text: string): PortNames {
  const found = new Map<string, string>();
  for (const { names, port, protocol } of servicesOf(text)) {
    const key = `${port}/${protocol}`;
    if (!found.has(key) && SHOWABLE.test(names[0]!)) found.set(key, names[0]!);
  }
  return found;
}

/** The port of a service over `protocol`, or over whichever protocol has it. */
export function servicePort(names: ServiceNames, service: string, protocol: string): number | undefined {
  return names.get(`${service}/${protocol}`) ?? names.get(service);
}

/** The name of a port over any of these protocols; undefined where none of them has one, or where they have different ones. */
export function serviceName(names: PortNames, port: number, protocols: readonly string[]): string | undefined {
  const found = new Set(protocols.flatMap((protocol) => names.get(`${port}/${protocol}`) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}
