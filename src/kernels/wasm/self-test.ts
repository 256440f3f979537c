/**
 * Whether the relaxed-SIMD build computes here what the scalar reference computes. Engines have shipped relaxed
 * instructions that are wrong in some loops only (V8 11.3 lost accumulators), so the very kernel that searches is tried, at
 * lengths that unroll differently and with the extreme values.
 */
import { codeDot } from '../scalar/distances.ts';
import type { Engine } from './engine.ts';

const LENGTHS = [16, 48, 112, 384, 784, 1536];

/** Fills the test's rows so that sums are large and signs mix; deterministic. */
function fill(query: Int8Array, rows: Uint8Array): void {
  let state = 0x2545f491;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
  for (let i = 0; i < query.length; i++) query[i] = i % 7 === 0 ? -127 : i % 11 === 0 ? 127 : next() - 128;
  for (let i = 0; i < rows.length; i++) rows[i] = i % 5 === 0 ? 127 : next() & 127;
}

export function relaxedBuildIsRight(engine: Engine): boolean {
  for (const length of LENGTHS) if (!rightAt(engine, length)) return false;
  return true;
}

function rightAt(engine: Engine, length: number): boolean {
  const size = length * 5 + 64;
  const base = engine.exports.alloc(size);
  if (base === 0) return false;
  const buffer = engine.memory.buffer;
  const query = new Int8Array(buffer, base, length);
  const rows = new Uint8Array(buffer, base + length, length * 4);
  const out = new Int32Array(buffer, base + length * 5, 4);
  fill(query, rows);
  const row = (i: number): number => base + length * (1 + i);
  let right = true;
  for (let round = 0; round < 200 && right; round++) {
    query[round % length] = -128 + (round % 256);
    engine.exports.probeCodes(0, base, row(0), row(1), row(2), row(3), length, base + length * 5);
    for (let i = 0; i < 4; i++) right &&= out[i] === codeDot(query, rows.subarray(i * length, (i + 1) * length));
  }
  engine.exports.release(base, size);
  return right;
}
