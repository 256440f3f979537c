/** Random cases for the kernels, compared with their scalar twins; run in Node (plain build) and Chromium (relaxed build). */
import { SeededRandom } from '../../core/clock.ts';
import type { Distance } from '../../schema/collection-schema.ts';
import { codeDot, codeHamming, codeManhattan, rowSum } from '../scalar/distances.ts';
import { Metric, type Engine } from './engine.ts';

const LENGTHS = [16, 32, 48, 112, 128, 384, 784, 1536, 4096];
const DISTANCES: Distance[] = ['dot', 'l2-squared', 'manhattan', 'hamming'];

/** What differs between kernels and twins over `rounds` random cases; empty when nothing does. */
export function kernelDifferences(engine: Engine, rounds: number, seed: number): string[] {
  const random = new SeededRandom(seed);
  const differences: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const length = LENGTHS[random.int(LENGTHS.length)];
    for (const distance of DISTANCES) {
      differences.push(...codeDifferences(engine, random, distance, length), ...rowDifferences(engine, random, distance, length));
    }
  }
  return differences;
}

function codeDifferences(engine: Engine, random: SeededRandom, distance: Distance, length: number): string[] {
  const { exports, memory } = engine;
  const block = exports.alloc(length * 5 + 16) >>> 0;
  const query = new Uint8Array(memory.buffer, block, length);
  const rows = [1, 2, 3, 4].map((i) => new Uint8Array(memory.buffer, block + i * length, length));
  const out = new Int32Array(memory.buffer, block + 5 * length, 4);
  const codesMax = distance === 'hamming' ? 256 : 128;
  for (const row of rows) for (let i = 0; i < length; i++) row[i] = random.int(4) === 0 ? codesMax - 1 : random.int(codesMax);
  for (let i = 0; i < length; i++) query[i] = distance === 'dot' || distance === 'l2-squared' ? random.int(256) : random.int(codesMax);
  exports.probeCodes(
    Metric[distance],
    block,
    block + length,
    block + 2 * length,
    block + 3 * length,
    block + 4 * length,
    length,
    block + 5 * length,
  );
  const twin = distance === 'manhattan' ? codeManhattan : distance === 'hamming' ? codeHamming : null;
  const signed = new Int8Array(query.buffer, query.byteOffset, length);
  const wrong = rows.flatMap((row, i) => {
    const expected = twin ? twin(query, row) : codeDot(signed, row);
    return out[i] === expected ? [] : [`codes ${distance} ${length}: ${out[i]} for ${expected}`];
  });
  exports.release(block, length * 5 + 16);
  return wrong;
}

function rowDifferences(engine: Engine, random: SeededRandom, distance: Distance, length: number): string[] {
  const { exports, memory } = engine;
  const bytes = length * 4;
  const block = exports.alloc(bytes * 5 + 16) >>> 0;
  const all = [0, 1, 2, 3, 4].map((i) => new Float32Array(memory.buffer, block + i * bytes, length));
  for (const row of all)
    for (let i = 0; i < length; i++) row[i] = random.int(5) === 0 ? random.int(3) - 1 : (random.next() - 0.5) * 10 ** random.int(4);
  exports.probeRows(
    Metric[distance],
    block,
    block + bytes,
    block + 2 * bytes,
    block + 3 * bytes,
    block + 4 * bytes,
    bytes,
    block + 5 * bytes,
  );
  const out = new Float32Array(memory.buffer, block + 5 * bytes, 4);
  const wrong = [1, 2, 3, 4].flatMap((i) => {
    const expected = rowSum(distance, all[0], all[i]);
    return Object.is(out[i - 1] + 0, expected + 0) ? [] : [`rows ${distance} ${length}: ${out[i - 1]} for ${expected}`];
  });
  exports.release(block, bytes * 5 + 16);
  return wrong;
}
