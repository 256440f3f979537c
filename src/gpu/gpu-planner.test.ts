import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedMs, planGpu, refit, WIN, type GpuCosts, type GpuJobSize } from './gpu-planner.ts';

const costs = fc.record({
  roundTripMs: fc.double({ min: 0.01, max: 200, noNaN: true }),
  uploadBytesPerMs: fc.double({ min: 1e3, max: 1e8, noNaN: true }),
  scanTermsPerMs: fc.record({ f32: rate(), f16: rate(), u7: rate() }),
  walkTermsPerMs: rate(),
});
const job = fc.record({
  kind: fc.constantFrom('scan', 'walk', 'build'),
  rowType: fc.constantFrom('f32', 'f16', 'u7'),
  terms: fc.integer({ min: 0, max: 1e12 }),
  uploadBytes: fc.integer({ min: 0, max: 1e10 }),
  cpuMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
}) as fc.Arbitrary<GpuJobSize>;

function rate(): fc.Arbitrary<number> {
  return fc.double({ min: 1e3, max: 1e11, noNaN: true });
}

test('a job goes to the GPU by itself exactly when it is expected to win by the margin', () => {
  fc.assert(
    fc.property(costs, job, (c, j) => {
      expect(planGpu('auto', false, c, j).useGpu).toBe(j.cpuMs >= WIN * expectedMs(c, j));
    }),
  );
});

test('nothing goes to a software adapter, to an unmeasured one or against a prohibition by itself', () => {
  fc.assert(
    fc.property(costs, job, (c, j) => {
      expect(planGpu('auto', true, c, j).useGpu).toBe(false);
      expect(planGpu('auto', false, null, j).useGpu).toBe(false);
      expect(planGpu('forbid', false, c, j).useGpu).toBe(false);
      expect(planGpu('force', true, null, j).useGpu).toBe(true);
    }),
  );
});

test('one query in wasm, however slow, does not wait for a round trip through a slow browser', () => {
  const c: GpuCosts = { roundTripMs: 103, uploadBytesPerMs: 1e6, scanTermsPerMs: { f32: 1e9, f16: 1e9, u7: 4e9 }, walkTermsPerMs: 1e8 };
  expect(planGpu('auto', false, c, { kind: 'walk', rowType: 'u7', terms: 64 * 12 * 384, uploadBytes: 1536, cpuMs: 0.08 }).useGpu).toBe(
    false,
  );
});

test('costs follow what jobs take, and ignore jobs that are all round trip', () => {
  const c: GpuCosts = { roundTripMs: 1, uploadBytesPerMs: 1e6, scanTermsPerMs: { f32: 1e6, f16: 1e6, u7: 1e6 }, walkTermsPerMs: 1e6 };
  const j: GpuJobSize = { kind: 'scan', rowType: 'f32', terms: 1e8, uploadBytes: 0, cpuMs: 1 };
  let fitted = c;
  for (let i = 0; i < 100; i++) fitted = refit(fitted, j, { ms: 51, workMs: null });
  expect(fitted.scanTermsPerMs.f32).toBeCloseTo(2e6, -2);
  expect(fitted.scanTermsPerMs.u7).toBe(1e6);
  expect(refit(c, j, { ms: 1.5, workMs: null })).toBe(c);
});

test('where the GPU tells what the work took, the round trip is fitted as well, and short jobs teach only that', () => {
  const c: GpuCosts = { roundTripMs: 1, uploadBytesPerMs: 1e6, scanTermsPerMs: { f32: 1e6, f16: 1e6, u7: 1e6 }, walkTermsPerMs: 1e6 };
  const j: GpuJobSize = { kind: 'walk', rowType: 'u7', terms: 1e8, uploadBytes: 2e6, cpuMs: 1 };
  let fitted = c;
  for (let i = 0; i < 100; i++) fitted = refit(fitted, j, { ms: 55, workMs: 50 });
  expect(fitted.walkTermsPerMs).toBeCloseTo(2e6, -2);
  expect(fitted.roundTripMs).toBeCloseTo(3, 4);
  expect(fitted.scanTermsPerMs).toEqual(c.scanTermsPerMs);
  const short = refit(c, j, { ms: 11, workMs: 0.1 });
  expect(short.walkTermsPerMs).toBe(c.walkTermsPerMs);
  expect(short.roundTripMs).toBeGreaterThan(c.roundTripMs);
});
