import assert from "node:assert/strict";
import { it } from "node:test";
import { parseProtocolNames, usualProtocolNames } from "../../src/system/protocol-names.js";
import { parsePortNames, parseServiceNames, serviceName, servicePort } from "../../src/system/service-names.js";

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

it("ports have the names of their protocol, or those that all of them agree on", () => {
  const names = parsePortNames(
    "domain 53/tcp\ndomain 53/udp dns\nshell 514/tcp cmd\nsyslog 514/udp\nwho 513/udp\nlate 513/udp\n",
  );
  assert.equal(serviceName(names, 514, ["tcp"]), "shell");
  assert.equal(serviceName(names, 514, ["udp"]), "syslog");
  assert.equal(serviceName(names, 514, ["tcp", "udp"]), undefined);
  assert.equal(serviceName(names, 53, ["tcp", "udp", "sctp"]), "domain");
  assert.equal(serviceName(names, 513, ["tcp", "udp"]), "who");
  assert.equal(serviceName(names, 513, ["tcp"]), undefined);
  assert.equal(serviceName(names, 54, ["tcp"]), undefined);
});

it("names that would be taken for a port, or are not plain text, do not stand in place of one", () => {
  const names = parsePortNames("8080 80/tcp http\n\u001b[31m 81/tcp\nh\u00e9 82/tcp\nx 83/tcp\n-_ 84/tcp\n");
  assert.deepEqual([...names], [["83/tcp", "x"]]);
});
