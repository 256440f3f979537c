import { expect, test } from 'vitest';
import { SeededRandom } from '../core/clock.ts';
import { createEngine, createEngineOf, type Engine } from '../kernels/wasm/engine.ts';
import { kernelDifferences } from '../kernels/wasm/kernel-cases.ts';
import { clusteredRows, IndexFixture, vectorSchema } from './vector-fixture.ts';

test('the relaxed build is chosen in Chromium and equals the scalar twins', () => {
  const engine = createEngine();
  expect(engine.build).toBe('relaxed');
  expect(kernelDifferences(engine, 60, 3)).toEqual([]);
  expect(kernelDifferences(createEngineOf('plain') as Engine, 20, 4)).toEqual([]);
});

test('a graph built with it has the recall of one built in Node', () => {
  const data = clusteredRows(new SeededRandom(1), 3_050, 48);
  const fixture = new IndexFixture(vectorSchema(48, 'cosine'));
  expect(fixture.index.engineBuild).toBe('relaxed');
  data.slice(0, 3_000).forEach((row, i) => fixture.add(i, row));
  fixture.settle();
  expect(fixture.index.orphans()).toBe(0);
  expect(fixture.recall(data.slice(3_000), 10)).toBeGreaterThan(0.97);
});
