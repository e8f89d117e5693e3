/**
 * Text of the outside world (arguments, paths, lines of files) as strings. It is UTF-8 almost always, but no rule says so:
 * a byte that is no UTF-8 becomes a lone surrogate, U+DC00 and the byte, and `encodeText` makes that byte of it again.
 */

const ESCAPE = 0xdc00;
const CONTROLS = /\p{Cc}/gu;
const ESCAPED = /[\udc80-\udcff]/;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as UTF-8. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** UTF-8 as text, U+FFFD for what is none. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** How many bytes the UTF-8 sequence at `at` has, or 0 where none stands there. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const second = bytes[at + 1] ?? 0;
  const follows = (count: number) => {
    for (let i = 1; i <= count; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
    return count + 1;
  };
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return follows(1);
  // Neither longer forms than needed, nor surrogates, nor anything above U+10FFFF: RFC 3629.
  if (first < 0xf0) return (first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) ? 0 : follows(2);
  return (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f) ? 0 : follows(3);
}

/** Bytes as text; see above for those that are no UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  const text = fromUtf8(bytes);
  if (!text.includes("\ufffd")) return text;
  let result = "";
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    at += length;
    if (length > 0) continue;
    result += fromUtf8(bytes.subarray(start, at)) + String.fromCharCode(ESCAPE + bytes[at]!);
    start = ++at;
  }
  return result + fromUtf8(bytes.subarray(start));
}

/** The bytes that `decodeText` made this text of. */
export function encodeText(text: string): Uint8Array {
  if (!ESCAPED.test(text)) return toUtf8(text);
  const bytes = Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
    return escaped ? [code - ESCAPE] : [...toUtf8(character)];
  });
  return Uint8Array.from(bytes.flat());
}

/** Text without what a terminal would act upon: C0 controls, DEL and C1 controls become "?". */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, "?");
}

/** A line for stderr: whatever others put into the text, it is one line, and harmless on a terminal. */
export function messageLine(text: string): Uint8Array {
  return encodeText(`${withoutControls(text)}\n`);
}
