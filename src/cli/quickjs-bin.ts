/** What the executable runs: scripts/build-standalone.mjs. */
import * as native from "native";
import { quickjsBackend } from "../netlink/backend/quickjs.js";
import { decodeText, encodeText } from "../system/text.js";
import { runExecutable } from "./executable.js";
import { quickjsIo } from "./quickjs-io.js";

runExecutable({
  words: native.words().slice(1).map(decodeText),
  environment: native.variable(encodeText("POSIXLY_CORRECT")) !== undefined ? { POSIXLY_CORRECT: "" } : {},
  ignoresSigpipe: native.ignoreSigpipe(),
  openBackend: quickjsBackend,
  openIo: quickjsIo,
  giveUp(message, status) {
    native.write(2, message, 0, message.length);
    return native.exit(status);
  },
  raise: (signal) => void native.raise(signal),
});
