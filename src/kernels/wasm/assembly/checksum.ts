/** CRC-32C of memory, slicing by eight, long pieces in four parts at once: the same sum as `core/crc32c.ts`, without copying chunks out of the arena. */

const POLYNOMIAL: u32 = 0x82f63b78;
const tables: usize = memory.data(8 * 256 * 4, 16);
let built: bool = false;

function build(): void {
  for (let n: u32 = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    store<u32>(tables + (<usize>n << 2), crc);
  }
  for (let n: usize = 0; n < 256; n++)
    for (let slice: usize = 1; slice < 8; slice++) {
      const before = load<u32>(tables + (((slice - 1) * 256 + n) << 2));
      store<u32>(tables + ((slice * 256 + n) << 2), look(0, before) ^ (before >>> 8));
    }
  built = true;
}

/** Entry of table `slice` for the lowest byte of `word`. */
// @ts-ignore: decorator
@inline
function look(slice: usize, word: u32): u32 {
  return load<u32>(tables + (slice << 10) + (<usize>(word & 255) << 2));
}

/** The register after eight more bytes at `at`. */
// @ts-ignore: decorator
@inline
function eight(crc: u32, at: usize): u32 {
  const low = load<u32>(at) ^ crc;
  const high = load<u32>(at, 4);
  return (
    look(7, low) ^ look(6, low >>> 8) ^ (look(5, low >>> 16) ^ look(4, low >>> 24)) ^
    (look(3, high) ^ look(2, high >>> 8) ^ (look(1, high >>> 16) ^ look(0, high >>> 24)))
  );
}

/** Product of two polynomials modulo CRC-32C's; the highest bit is x⁰. */
function product(a: u32, b: u32): u32 {
  let sum: u32 = 0;
  for (let bit: u32 = 0x80000000; bit != 0; bit >>>= 1) {
    if (a & bit) sum ^= b;
    b = (b >>> 1) ^ (b & 1 ? POLYNOMIAL : 0);
  }
  return sum;
}

/** What a register becomes by `bytes` zeros is its product with this, x to the power of 8 · bytes. */
function shiftOf(bytes: usize): u32 {
  let power: u32 = 0x00800000;
  let result: u32 = 0x80000000;
  for (; bytes != 0; bytes >>>= 1) {
    if (bytes & 1) result = product(power, result);
    power = product(power, power);
  }
  return result;
}

/** Checksums of less are not worth splitting. */
const SPLIT_FROM: usize = 4096;

export function checksum(from: usize, bytes: usize, seed: u32): u32 {
  if (!built) build();
  let crc = ~seed;
  const end = from + bytes;
  let at = from;
  if (bytes >= SPLIT_FROM) {
    // Each step waits for the one before: four parts at once wait together. The register is linear in what came before.
    const part = (bytes >>> 5) << 3;
    let second: u32 = 0;
    let third: u32 = 0;
    let fourth: u32 = 0;
    for (const stop = from + part; at < stop; at += 8) {
      crc = eight(crc, at);
      second = eight(second, at + part);
      third = eight(third, at + 2 * part);
      fourth = eight(fourth, at + 3 * part);
    }
    const shift = shiftOf(part);
    crc = product(shift, crc) ^ second;
    crc = product(shift, crc) ^ third;
    crc = product(shift, crc) ^ fourth;
    at = from + 4 * part;
  }
  for (; at + 8 <= end; at += 8) crc = eight(crc, at);
  for (; at < end; at++) crc = look(0, crc ^ <u32>load<u8>(at)) ^ (crc >>> 8);
  return ~crc;
}
