import { expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { SeededRandom } from './clock.ts';
import { crc32c } from './crc32c.ts';

/** The definition: one bit at a time. */
function bitwise(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test('the check value of the catalogue of parametrised CRC algorithms', () => {
  expect(crc32c(utf8('123456789'))).toBe(0xe3069283);
});

test('every length, place in its buffer and seed gives what the definition gives', () => {
  const random = new SeededRandom(1);
  const bytes = random.fill(new Uint8Array(200));
  for (let from = 0; from < 20; from++)
    for (let to = from; to <= bytes.length; to += 1 + random.int(3)) {
      const seed = random.int(2 ** 32);
      const wanted = bitwise(bytes.subarray(from, to), seed);
      expect(crc32c(bytes, seed, from, to)).toBe(wanted);
      expect(crc32c(bytes.subarray(from, to), seed)).toBe(wanted);
    }
});

test('a sum continues where another ended', () => {
  const bytes = new SeededRandom(2).fill(new Uint8Array(100));
  for (let cut = 0; cut <= bytes.length; cut++) expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
});
