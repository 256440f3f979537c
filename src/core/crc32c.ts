/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), slicing by eight.
 *
 * Detects every error of up to three bits and every burst of up to 32 bits at the block sizes used here.
 * `crc32c(bytes, seed)` continues a sum: `crc32c(b, crc32c(a)) === crc32c(a ++ b)`.
 */
const POLYNOMIAL = 0x82f63b78;
const TABLES = buildTables();

function buildTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    for (let slice = 1; slice < 8; slice++) {
      const before = tables[(slice - 1) * 256 + n];
      tables[slice * 256 + n] = tables[before & 0xff] ^ (before >>> 8);
    }
  }
  return tables;
}

/** The checksum of `bytes[from, to)` as an unsigned 32-bit number, continuing from `seed`. */
export function crc32c(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  const t = TABLES;
  let crc = ~seed;
  let i = from;
  const wide = to - 7;
  while (i < wide) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      t[1792 + (crc & 0xff)] ^
      t[1536 + ((crc >>> 8) & 0xff)] ^
      t[1280 + ((crc >>> 16) & 0xff)] ^
      t[1024 + (crc >>> 24)] ^
      t[768 + bytes[i + 4]] ^
      t[512 + bytes[i + 5]] ^
      t[256 + bytes[i + 6]] ^
      t[bytes[i + 7]];
    i += 8;
  }
  for (; i < to; i++) crc = t[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
