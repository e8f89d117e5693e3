/** Built into an executable of its own by backend.kernel.test.ts: prints what the backend of the executable answers. */
import * as native from "native";
import { quickjsBackend } from "../../src/netlink/backend/quickjs.js";
import { encodeText } from "../../src/system/text.js";
import { NETWORK, NOWHERE, probe } from "../support/backend-probe.js";

const text = encodeText(JSON.stringify(probe(quickjsBackend(), native.raise, { network: NETWORK, nowhere: NOWHERE })));
for (let at = 0; at < text.length; ) at += native.write(1, text, at, text.length - at);
native.exit(0);
