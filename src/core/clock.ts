/**
 * Time, randomness and logging as values that are passed in, so that the engine is deterministic under test.
 */

export interface Clock {
  /** Wall time in milliseconds since the epoch; may jump. */
  now(): number;
  /** Milliseconds that never go back within one worker; for intervals and the settle rule. */
  monotonic(): number;
}

export interface Random {
  /** Fills `into` with random bytes and returns it. */
  fill<T extends Uint8Array>(into: T): T;
}

export interface Logger {
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

export const systemRandom: Random = {
  fill: (into) => {
    crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
    return into;
  },
};

export const silentLogger: Logger = { log: () => undefined };

/** A seeded generator (mulberry32) for tests, levels of graph nodes and sampling; `next()` is uniform in [0, 1). */
export class SeededRandom implements Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed >>> 0;
  }
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  }
  /** Uniform integer in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }
  fill<T extends Uint8Array>(into: T): T {
    for (let i = 0; i < into.length; i++) into[i] = this.int(256);
    return into;
  }
}

/**
 * Hybrid logical clock (Kulkarni et al. 2014): wall milliseconds × 2^12 + counter, below 2^53 until the year 2039;
 * strictly increasing within one writer and never behind a timestamp it has seen.
 */
export class HybridClock {
  private last: number;
  private readonly clock: Clock;
  constructor(clock: Clock, seen = 0) {
    this.clock = clock;
    this.last = seen;
  }
  tick(): number {
    this.last = Math.max(this.last + 1, this.clock.now() * 4096);
    return this.last;
  }
  observe(timestamp: number): void {
    if (timestamp > this.last) this.last = timestamp;
  }
}
