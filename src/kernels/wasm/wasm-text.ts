/**
 * Wasm as text within a script. Each byte is a character from U+0020 up; the common bytes come first, in their order, so that they
 * are one byte of UTF-8, then all others in theirs. Written by `scripts/build-wasm.mjs`; never on a disk.
 */

/** `common`: 64 hexadecimal digits, of four bytes each, whether they are common; the first is the lowest bit. */
export function fromText(text: string, common: string): Uint8Array<ArrayBuffer> {
  const order = Array.from({ length: 256 }, (_, byte) => byte);
  const isCommon = (byte: number): number => (parseInt(common[byte >> 2], 16) >> (byte & 3)) & 1;
  order.sort((a, b) => isCommon(b) - isCommon(a));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = order[text.charCodeAt(i) - 32];
  return bytes;
}
