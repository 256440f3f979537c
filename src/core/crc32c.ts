/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), slicing by sixteen (Kounavis and Berry 2008).
 *
 * Detects every error of up to three bits and every burst of up to 32 bits at the block sizes used here.
 * `crc32c(bytes, seed)` continues a sum: `crc32c(b, crc32c(a)) === crc32c(a ++ b)`.
 */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;
const TABLES = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[n] = crc;
  }
  for (let n = 256; n < tables.length; n++) tables[n] = tables[tables[n - 256] & 0xff] ^ (tables[n - 256] >>> 8);
  return tables;
}

/** The checksum of `bytes[from, to)` as an unsigned 32-bit number, continuing from `seed`. */
export function crc32c(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  const t = TABLES;
  const wide = from + ((to - from) & ~(SLICES - 1));
  let crc = wide > from ? sixteens(bytes, ~seed, from, wide) : ~seed;
  for (let i = wide; i < to; i++) crc = t[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function sixteens(bytes: Uint8Array, start: number, from: number, to: number): number {
  const t = TABLES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = start;
  for (let i = from; i < to; i += SLICES) {
    const a = crc ^ view.getInt32(i, true);
    const b = view.getInt32(i + 4, true);
    const c = view.getInt32(i + 8, true);
    const d = view.getInt32(i + 12, true);
    crc =
      t[3840 + (a & 0xff)] ^
      t[3584 + ((a >>> 8) & 0xff)] ^
      t[3328 + ((a >>> 16) & 0xff)] ^
      t[3072 + (a >>> 24)] ^
      t[2816 + (b & 0xff)] ^
      t[2560 + ((b >>> 8) & 0xff)] ^
      t[2304 + ((b >>> 16) & 0xff)] ^
      t[2048 + (b >>> 24)] ^
      t[1792 + (c & 0xff)] ^
      t[1536 + ((c >>> 8) & 0xff)] ^
      t[1280 + ((c >>> 16) & 0xff)] ^
      t[1024 + (c >>> 24)] ^
      t[768 + (d & 0xff)] ^
      t[512 + ((d >>> 8) & 0xff)] ^
      t[256 + ((d >>> 16) & 0xff)] ^
      t[d >>> 24];
  }
  return crc;
}
