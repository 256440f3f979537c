/** CRC-32C of memory, slicing by eight: the same sum as `core/crc32c.ts`, without copying chunks out of the arena. */

const tables: usize = memory.data(8 * 256 * 4, 16);
let built: bool = false;

function build(): void {
  for (let n: u32 = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
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

export function checksum(from: usize, bytes: usize, seed: u32): u32 {
  if (!built) build();
  let crc = ~seed;
  const end = from + bytes;
  let at = from;
  for (; at + 8 <= end; at += 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    crc =
      look(7, low) ^ look(6, low >>> 8) ^ (look(5, low >>> 16) ^ look(4, low >>> 24)) ^
      (look(3, high) ^ look(2, high >>> 8) ^ (look(1, high >>> 16) ^ look(0, high >>> 24)));
  }
  for (; at < end; at++) crc = look(0, crc ^ <u32>load<u8>(at)) ^ (crc >>> 8);
  return ~crc;
}
