/** Ports by service name: /etc/services. */

/** Port numbers by `name/protocol`, and by `name` alone for the first protocol that has it. */
export type ServiceNames = ReadonlyMap<string, number>;

/** services(5): `name port/protocol alias…`, comments from `#` on. The first line that has a name wins. */
export function parseServiceNames(text: string): ServiceNames {
  const ports = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, endpoint, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(\S+)$/.exec(endpoint ?? "") ?? [];
    if (name === undefined || port === undefined || Number(port) > 0xffff) continue;
    for (const one of [name, ...aliases]) {
      for (const key of [`${one}/${protocol}`, one]) if (!ports.has(key)) ports.set(key, Number(port));
    }
  }
  return ports;
}

/** The port of a service over `protocol`, or over whichever protocol has it. */
export function servicePort(names: ServiceNames, service: string, protocol: string): number | undefined {
  return names.get(`${service}/${protocol}`) ?? names.get(service);
}
