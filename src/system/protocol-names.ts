/** Layer-4 protocols by name: /etc/protocols. */

/** Protocol numbers by name and alias, exact case. */
export type ProtocolNames = ReadonlyMap<string, number>;

/** protocols(5): `name number alias…`, comments from `#` on. The first line that has a name wins. */
export function parseProtocolNames(text: string): ProtocolNames {
  const names = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, number, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (name === undefined || number === undefined || !/^\d+$/.test(number)) continue;
    for (const one of [name, ...aliases]) if (!names.has(one)) names.set(one, Number(number));
  }
  return names;
}

/** For images without the file; numbers from IANA's registry. */
const USUAL_PROTOCOLS = `
ip 0 IP
icmp 1 ICMP
igmp 2 IGMP
ipencap 4 IP-ENCAP
tcp 6 TCP
egp 8 EGP
udp 17 UDP
dccp 33 DCCP
ipv6 41 IPv6
rsvp 46 RSVP
gre 47 GRE
esp 50 IPSEC-ESP
ah 51 IPSEC-AH
ipv6-icmp 58 IPv6-ICMP
eigrp 88 EIGRP
ospf 89 OSPFIGP
ipip 94 IPIP
etherip 97 ETHERIP
pim 103 PIM
ipcomp 108 IPCOMP
vrrp 112 VRRP
l2tp 115 L2TP
sctp 132 SCTP
udplite 136 UDPLite
`;

let usual: ProtocolNames | undefined;

/** The names of the usual protocols. They are only parsed where they are needed: no start shall pay for them. */
export function usualProtocolNames(): ProtocolNames {
  usual ??= parseProtocolNames(USUAL_PROTOCOLS);
  return usual;
}
