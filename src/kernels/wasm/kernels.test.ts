import { expect, test } from 'vitest';
import { createEngine, createEngineOf, type Engine } from './engine.ts';
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
