import { expect, test } from 'vitest';
import { calibrated, keepCalibration, type Calibration } from './calibration.ts';
import type { GpuAdapterFacts } from './gpu-device.ts';

const adapter = (description: string): { facts: GpuAdapterFacts } => ({
  facts: { description, isSoftware: false, packedDot: true, timestamps: false, bindingBytesMax: 2 ** 27, workgroupBytes: 16_384 },
});
const measured = (roundTripMs: number, changes: Record<string, unknown> = {}): Calibration =>
  ({
    version: 1,
    costs: { roundTripMs, uploadBytesPerMs: 1e6, scanTermsPerMs: { f32: 1e9, f16: 1e9, u7: 1e9 }, walkTermsPerMs: 1e9 },
    shape: 0,
    ...changes,
  }) as Calibration;

function storeOf(): { kept: Map<string, unknown>; get(key: string): Promise<unknown>; set(key: string, value: unknown): Promise<void> } {
  const kept = new Map<string, unknown>();
  return { kept, get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value) };
}

test('an adapter is measured once; what is kept of it is what later sessions start with', async () => {
  const store = storeOf();
  let times = 0;
  const measure = async (): Promise<Calibration> => measured(++times);
  expect(await calibrated(adapter('one'), store, measure)).toEqual(measured(1));
  expect(await calibrated(adapter('one'), store, measure)).toEqual(measured(1));
  expect(await calibrated(adapter('another'), store, measure)).toEqual(measured(2));
  await keepCalibration(adapter('one'), store, measured(0.5));
  expect(await calibrated(adapter('one'), store, measure)).toEqual(measured(0.5));
  expect(times).toBe(2);
  expect(await calibrated(adapter('one'), null, measure)).toEqual(measured(3));
});

test('what another version kept, or what names a tile that is not there, is measured again', async () => {
  for (const foreign of [measured(9, { version: 2 }), measured(9, { shape: 77 }), 'rubbish', null]) {
    const store = storeOf();
    store.kept.set('heddle-gpu:one', foreign);
    expect(await calibrated(adapter('one'), store, async () => measured(1))).toEqual(measured(1));
    expect(await store.get('heddle-gpu:one')).toEqual(measured(1));
  }
});
