import assert from "node:assert/strict";
import { it } from "node:test";
import { parseProtocolNames, usualProtocolNames } from "../../src/system/protocol-names.js";
import { parseServiceNames, servicePort } from "../../src/system/service-names.js";

it("protocols are found by name and alias, in exact case", () => {
  const names = parseProtocolNames("# comment\nip\t0\tIP # pseudo\n\nigmp 2 IGMP\nigmp 3\nodd\nodd x\n3pc 34 3PC\n");
  assert.deepEqual(
    [...names],
    [
      ["ip", 0],
      ["IP", 0],
      ["igmp", 2],
      ["IGMP", 2],
      ["3pc", 34],
      ["3PC", 34],
    ],
  );
});

it("the usual protocols are known without a file", () => {
  assert.deepEqual(
    ["ip", "igmp", "esp", "ipv6-icmp", "vrrp"].map((name) => usualProtocolNames().get(name)),
    [0, 2, 50, 58, 112],
  );
});

it("services are found by protocol, else by the first that has them", () => {
  const names = parseServiceNames(
    "exec 512/tcp\nbiff 512/udp comsat\nwho 513/udp # x\nwho 514/tcp\nodd\nodd 70000/tcp\n",
  );
  assert.equal(servicePort(names, "comsat", "tcp"), 512);
  assert.equal(servicePort(names, "who", "udp"), 513);
  assert.equal(servicePort(names, "who", "tcp"), 514);
  assert.equal(servicePort(names, "who", "sctp"), 513);
  assert.equal(servicePort(names, "odd", "tcp"), undefined);
});
