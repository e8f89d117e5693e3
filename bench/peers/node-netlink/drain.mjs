/**
 * Dumps the conntrack table with node-netlink and drops it: its part of the row "peer-node-netlink".
 * `talk` wants NLM_F_ACK even for a dump, takes integers as bigints, answers with all messages at once, and gives up after
 * ten seconds unless told otherwise.
 */
import netlink from "node-netlink";

const NETLINK_NETFILTER = 12;
const CT_GET = 0x0101n;
const NFGENMSG = new Uint8Array(4);

const socket = await netlink.open({ family: NETLINK_NETFILTER });
const request = {
  header: { nlmsg_type: CT_GET, nlmsg_flags: netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP | netlink.NLM_F_ACK },
  payload: NFGENMSG,
};
const messages = await socket.talk(request, { timeout: 600_000 });
await socket.close();
console.log(`${messages.length} messages`);
