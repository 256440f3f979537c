/**
 * Identifiers: UUIDs as text and as 16 bytes, version 7 (random, time-ordered) and version 5 (from a natural key), and
 * the hash that places an object on a virtual shard. Source: RFC 9562; MurmurHash3 x86 32-bit (Appleby).
 */
import type { Clock, Random } from './clock.ts';
import { utf8 } from './bytes.ts';

/** Virtual shards of a collection, for life. */
export const VIRTUAL_SHARDS = 256;

const HEX: string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: unknown): text is string => typeof text === 'string' && UUID_TEXT.test(text);

/** The 16 bytes of a UUID in text form; the caller has checked it with `isUuid`. */
export function uuidBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  let at = 0;
  for (let i = 0; i < 36; i += 2) {
    if (text.charCodeAt(i) === 45) i++;
    bytes[at++] = parseInt(text.substring(i, i + 2), 16);
  }
  return bytes;
}

/** Lower-case text form of the 16 bytes at `at`. */
export function uuidText(b: Uint8Array, at = 0): string {
  const h = HEX;
  return (
    h[b[at]] +
    h[b[at + 1]] +
    h[b[at + 2]] +
    h[b[at + 3]] +
    '-' +
    h[b[at + 4]] +
    h[b[at + 5]] +
    '-' +
    h[b[at + 6]] +
    h[b[at + 7]] +
    '-' +
    h[b[at + 8]] +
    h[b[at + 9]] +
    '-' +
    h[b[at + 10]] +
    h[b[at + 11]] +
    h[b[at + 12]] +
    h[b[at + 13]] +
    h[b[at + 14]] +
    h[b[at + 15]]
  );
}

/** Makes UUIDs of version 7 that rise strictly within one generator, also within a millisecond. */
export class UuidV7 {
  private lastMs = 0;
  private counter = 0;
  private readonly clock: Clock;
  private readonly random: Random;
  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  next(): string {
    const bytes = this.random.fill(new Uint8Array(16));
    const now = this.clock.now();
    if (now > this.lastMs) {
      this.lastMs = now;
      this.counter = ((bytes[6] & 0x07) << 8) | bytes[7];
    } else if (++this.counter > 0xfff) {
      this.lastMs++;
      this.counter = 0;
    }
    let ms = this.lastMs;
    for (let i = 5; i >= 0; i--) {
      bytes[i] = ms % 256;
      ms = Math.floor(ms / 256);
    }
    bytes[6] = 0x70 | (this.counter >>> 8);
    bytes[7] = this.counter & 0xff;
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    return uuidText(bytes);
  }
}

/** UUID of version 5 (SHA-1) of `name` in `namespace`; the same key gives the same object on every device. */
export async function uuidV5(namespace: string, name: string): Promise<string> {
  const text = utf8(name);
  const input = new Uint8Array(16 + text.length);
  input.set(uuidBytes(namespace));
  input.set(text, 16);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-1', input));
  hash[6] = 0x50 | (hash[6] & 0x0f);
  hash[8] = 0x80 | (hash[8] & 0x3f);
  return uuidText(hash);
}

/** MurmurHash3 (x86, 32 bit) of `bytes`, unsigned. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let h = seed;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    h ^= mixed(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8) | bytes[i];
  if (whole < bytes.length) h ^= mixed(tail);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mixed(k: number): number {
  const product = Math.imul(k, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

/** The virtual shard, 0 to 255, of an object. */
export const virtualShardOf = (uuid: Uint8Array): number => murmur3(uuid) % VIRTUAL_SHARDS;
