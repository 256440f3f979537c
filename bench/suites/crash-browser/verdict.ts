/** What a crash cost: the acknowledgements the witness heard, held against what is there afterwards. */
import type { Found } from './witness.ts';

export interface Verdict {
  /** Acknowledged for this crash and gone. */
  readonly lost: readonly number[];
  /** Batches of which only a part is there. */
  readonly partial: readonly string[];
  readonly wrong: readonly string[];
}

/** Records the writer puts into one batch; the batch in flight at the crash is there whole or not at all. */
export const BATCH_SIZES: readonly number[] = [1, 5];

/**
 * `acks` by number; after a kill every acknowledgement counts, after a power cut those that said `power`.
 * Records are written in the order of their numbers, one batch at a time, so what is there beyond the last acknowledged
 * number is the batch that was in flight.
 */
export function judge(acks: ReadonlyMap<number, 'power' | 'process'>, crash: 'kill' | 'power cut', found: Found): Verdict {
  const there = new Set(found.numbers);
  const lost: number[] = [];
  let lastAcked = -1;
  for (const [n, durability] of acks) {
    lastAcked = Math.max(lastAcked, n);
    if (!there.has(n) && (crash === 'kill' || durability === 'power')) lost.push(n);
  }
  const partial: string[] = [];
  const most = found.numbers.reduce((max, n) => Math.max(max, n), -1);
  const beyond = found.numbers.filter((n) => n > lastAcked).length;
  if (beyond > 0 && !BATCH_SIZES.includes(beyond)) partial.push(`${beyond} records beyond the last acknowledged ${lastAcked}`);
  for (let n = 0; n <= most; n++) if (!there.has(n) && !lost.includes(n)) partial.push(`record ${n} is missing, ${most} is there`);
  return { lost, partial, wrong: found.wrong };
}
