/**
 * Bloom filter over whole keys: 16 bits a key, 8 probes, 0.06 % false positives. Double hashing after Kirsch and
 * Mitzenmacher (2006). A filter is bytes; two hashes of a key place its probes.
 */
import { murmur3 } from '../core/ids.ts';

const BITS_PER_KEY = 16;
const PROBES = 8;
const KEYS_PER_STEP = 8_192;
const SECOND_SEED = 0x9747b28c;

/** Collects the hashes of a section's keys; the filter's size follows their number. */
export class BloomBuilder {
  private hashes = new Uint32Array(1024);
  private count = 0;
  private filter: Uint8Array | null = null;
  /** Hashes whose bits are set. */
  private done = 0;

  add(key: Uint8Array): void {
    if (this.count + 2 > this.hashes.length) {
      const grown = new Uint32Array(this.hashes.length * 2);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[this.count++] = murmur3(key);
    this.hashes[this.count++] = murmur3(key, SECOND_SEED);
  }

  /** Sets the bits of some thousand keys more; the filter once all are set, else null: a million keys take longer than a slice may. */
  step(): Uint8Array | null {
    this.filter ??= new Uint8Array(Math.max(8, Math.ceil(((this.count / 2) * BITS_PER_KEY) / 8)));
    const { filter } = this;
    const scale = (filter.length * 8) / 2 ** 32;
    const end = Math.min(this.count, this.done + KEYS_PER_STEP * 2);
    for (let i = this.done; i < end; i += 2) {
      let hash = this.hashes[i];
      const step = this.hashes[i + 1] | 1;
      for (let probe = 0; probe < PROBES; probe++) {
        const bit = Math.floor(hash * scale);
        filter[bit >>> 3] |= 1 << (bit & 7);
        hash = (hash + step) >>> 0;
      }
    }
    this.done = end;
    return end === this.count ? filter : null;
  }
}

/** A key that is looked for in several filters: hashed when the first one asks, and once. */
export class HashedKey {
  private key: Uint8Array = new Uint8Array(0);
  private isHashed = false;
  private first_ = 0;
  private step_ = 0;

  /** Borrows `key` until the next call. */
  of(key: Uint8Array): this {
    this.key = key;
    this.isHashed = false;
    return this;
  }

  get first(): number {
    if (!this.isHashed) this.hash();
    return this.first_;
  }

  get step(): number {
    if (!this.isHashed) this.hash();
    return this.step_;
  }

  private hash(): void {
    this.first_ = murmur3(this.key);
    this.step_ = murmur3(this.key, SECOND_SEED) | 1;
    this.isHashed = true;
  }
}

/** False when the key was certainly not added. */
export function bloomMayHave(filter: Uint8Array, key: HashedKey): boolean {
  const scale = (filter.length * 8) / 2 ** 32;
  let hash = key.first;
  const { step } = key;
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = Math.floor(hash * scale);
    if ((filter[bit >>> 3] & (1 << (bit & 7))) === 0) return false;
    hash = (hash + step) >>> 0;
  }
  return true;
}
