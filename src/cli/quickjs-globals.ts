/** The globals of Node that the sources use and QuickJS lacks: scripts/build-standalone.mjs has esbuild inject these. */
import { decode, encode } from "native";

export class TextEncoder {
  encode = encode;
}

export class TextDecoder {
  decode = decode;
}
