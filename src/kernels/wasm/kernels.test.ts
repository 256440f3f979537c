import { expect, test } from 'vitest';
import { SeededRandom } from '../../core/clock.ts';
import { crc32c } from '../../core/crc32c.ts';
import { bytesAt, createEngine, createEngineOf, type Engine } from './engine.ts';
import { kernelDifferences } from './kernel-cases.ts';
import { relaxedBuildIsRight } from './self-test.ts';

test('every kernel of the plain build equals its scalar twin bit for bit', () => {
  expect(kernelDifferences(createEngineOf('plain') as Engine, 60, 1)).toEqual([]);
});

test('the self-test refuses a build that computes wrongly', () => {
  const engine = createEngineOf('plain') as Engine;
  expect(relaxedBuildIsRight(engine)).toBe(true);
  const exports = { ...engine.exports };
  exports.probeCodes = (...args) => {
    engine.exports.probeCodes(...args);
    new Int32Array(engine.memory.buffer, args[7], 4)[2] ^= 1;
  };
  expect(relaxedBuildIsRight({ ...engine, exports })).toBe(false);
});

test('an engine is created in a build that is right here', () => {
  const engine = createEngine();
  expect(relaxedBuildIsRight(engine)).toBe(true);
  expect(kernelDifferences(engine, 20, 2)).toEqual([]);
});

test('the checksum of memory is that of the core', () => {
  const engine = createEngine();
  const block = engine.exports.alloc(65_536) >>> 0;
  const bytes = new SeededRandom(3).fill(bytesAt(engine, block, 65_536));
  for (const [from, length] of [
    [0, 0],
    [0, 1],
    [3, 7],
    [1, 8],
    [5, 1_000],
    [0, 4_095],
    [0, 4_096],
    [3, 4_131],
    [1, 60_013],
    [0, 65_536],
  ])
    expect(engine.exports.crc(block + from, length, 17) >>> 0).toBe(crc32c(bytes.subarray(from, from + length), 17));
});
