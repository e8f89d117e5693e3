/** What no listing can be faster than: receives a dump of the whole table over our netlink layer, and drops it. */
import { AF_UNSPEC, CT_GET } from "../../src/ctnetlink/constants.js";
import { encodeFlowDump } from "../../src/ctnetlink/encode.js";
import { napiBackend } from "../../src/netlink/backend/napi.js";
import { openConnection } from "../../src/netlink/connection.js";

openConnection(napiBackend()).dump(
  (writer) => encodeFlowDump(writer, CT_GET, { family: AF_UNSPEC }),
  () => {},
);
