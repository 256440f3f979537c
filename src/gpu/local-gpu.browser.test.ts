import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { SeededRandom, silentLogger, systemClock } from '../core/clock.ts';
import { calibrate } from './calibration.ts';
import { nearest } from '../kernels/scalar/gpu-select.ts';
import type { GpuBackend, GpuStatus } from './gpu-backend.ts';
import { openTestDevice, randomRows, twinDistances } from './gpu-fixture.ts';
import { connectGpu, serveGpu } from './gpu-port.ts';
import { trainCentroids } from './kmeans.ts';
import { selfTest, type KernelFamily } from './self-test.ts';
import { LocalGpu, type LocalGpuOptions } from './local-gpu.ts';

/** Compiling for a software adapter takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const DIMENSIONS = 16;
const ROWS = 300;
const K = 5;
const random = new SeededRandom(3);
const rows = randomRows(random, 'l2-squared', ROWS, DIMENSIONS, 'random');
const queries = randomRows(random, 'l2-squared', 2, DIMENSIONS, 'random');
const ids = Uint32Array.from({ length: ROWS }, (_, i) => i);

const opened: GpuBackend[] = [];
/** One backend for the tests that leave it as it was: compiling for a software adapter takes seconds. */
let shared: LocalGpu;
beforeAll(() => {
  shared = new LocalGpu({
    gpu: navigator.gpu,
    mode: 'force',
    memoryBytesMax: 2 ** 22,
    clock: systemClock,
    logger: silentLogger,
    store: null,
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const backend of opened.splice(0)) await backend.close();
});
afterAll(() => shared.close());

function local(options: Partial<LocalGpuOptions> = {}): LocalGpu {
  const backend = new LocalGpu({
    gpu: navigator.gpu,
    mode: 'force',
    memoryBytesMax: 2 ** 28,
    clock: systemClock,
    logger: silentLogger,
    store: null,
    ...options,
  });
  opened.push(backend);
  return backend;
}

async function filled(backend: GpuBackend, rowsExpected = ROWS): Promise<number | null> {
  const table = await backend.openTable({ rowType: 'f32', distance: 'l2-squared', dimensions: DIMENSIONS, space: null, rowsExpected });
  if (table !== null) expect(await backend.append(table, ids.slice(), rows.slice())).toBe(true);
  return table;
}
const exact = (backend: GpuBackend, table: number): ReturnType<GpuBackend['searchExact']> =>
  backend.searchExact({ table, queries: queries.slice(), k: K, allow: null, cpuMs: 1e6 });

/** Devices that `run` opens, so that a test can destroy them under it. */
function spyOnDevices(): GPUDevice[] {
  const devices: GPUDevice[] = [];
  const request = GPUAdapter.prototype.requestDevice;
  vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockImplementation(async function (this: GPUAdapter, ...args) {
    const device = await request.apply(this, args);
    devices.push(device);
    return device;
  });
  return devices;
}

test('across a port the answer is the twin’s', async () => {
  const { port1, port2 } = new MessageChannel();
  serveGpu(port2, shared);
  const { backend, closed } = connectGpu(port1);
  const table = (await filled(backend))!;
  await backend.remove(table, Uint32Array.of(7));
  const hits = (await exact(backend, table))!;
  for (const q of [0, 1]) {
    const twin = twinDistances(
      { rowType: 'f32', distance: 'l2-squared', packedDot: true },
      null,
      queries.subarray(q * DIMENSIONS, (q + 1) * DIMENSIONS),
      rows,
      DIMENSIONS,
    );
    expect([...hits.docIDs.subarray(q * K, (q + 1) * K)]).toEqual([...nearest(twin.value, ids, K, (id) => id !== 7).ids]);
  }
  expect((await backend.status()).kernelsWrong).toEqual([]);
  closed();
  expect(await exact(backend, table)).toBeNull();
  expect((await backend.status()).state).toBe('lost');
});

test('the planner sends nothing to a software adapter by itself, and nothing anywhere when forbidden', async () => {
  const auto = local({ mode: 'auto' });
  const shape = { rows: ROWS, dimensions: DIMENSIONS, segments: 1, centroids: 8 };
  expect(await auto.trainCentroids({ ...shape, sample: rows, start: rows.slice(0, 8 * DIMENSIONS), iterations: 4, cpuMs: 1e9 })).toBeNull();
  const status = await auto.status();
  expect(status).toMatchObject({ state: 'ready', jobsRun: 0, jobsDeclined: 1, jobsFailed: 0, costs: null } satisfies Partial<GpuStatus>);
  expect(status.adapter?.isSoftware).toBe(true);
  const requested = vi.spyOn(GPU.prototype, 'requestAdapter');
  const forbidden = local({ mode: 'forbid' });
  expect(await filled(forbidden)).toBeNull();
  expect((await forbidden.plan({ kind: 'scan', rowType: 'f32', terms: 1, uploadBytes: 0, cpuMs: 1e9 })).useGpu).toBe(false);
  expect(requested).not.toHaveBeenCalled();
});

test('a device destroyed in mid-batch leaves the answer to the CPU, and comes back after a pause', async () => {
  const devices = spyOnDevices();
  let now = 0;
  const backend = local({ clock: { now: () => now, monotonic: () => now } });
  const table = (await filled(backend))!;
  const submitted = vi.spyOn(GPUQueue.prototype, 'submit').mockImplementationOnce(() => devices[0].destroy());
  expect(await exact(backend, table)).toBeNull();
  expect(submitted).toHaveBeenCalled();
  expect(await backend.isOpen(table)).toBe(false);
  expect(await backend.status()).toMatchObject({ state: 'lost', devicesLost: 1, tables: 0 });
  expect(await filled(backend)).toBeNull();
  now += 1_000;
  expect(await filled(backend)).not.toBeNull();
  expect(devices.length).toBe(2);
});

test('a full GPU memory leaves the answer to the CPU, and the backend usable', async () => {
  const backend = shared;
  const tooLarge = await backend.openTable({
    rowType: 'f32',
    distance: 'l2-squared',
    dimensions: DIMENSIONS,
    space: null,
    rowsExpected: 1e6,
  });
  expect(tooLarge).toBeNull();
  expect((await backend.status()).lastFailure).toMatch(/budget/);
  const table = (await filled(backend))!;
  expect(await exact(backend, table)).not.toBeNull();
  const many = new Float32Array(1024 * DIMENSIONS);
  expect(await backend.searchExact({ table, queries: many, k: 1000, allow: null, cpuMs: 1e6 })).toBeNull();
  expect(await exact(backend, table)).not.toBeNull();
});

test('an out-of-memory error that the driver reports late leaves the answer to the CPU', async () => {
  const backend = shared;
  const table = (await filled(backend))!;
  const pop = GPUDevice.prototype.popErrorScope;
  const popped = vi.spyOn(GPUDevice.prototype, 'popErrorScope').mockImplementationOnce(async function (this: GPUDevice) {
    await pop.call(this);
    return new GPUOutOfMemoryError('no memory for this buffer');
  });
  expect(await exact(backend, table)).toBeNull();
  expect(popped).toHaveBeenCalled();
  expect(await exact(backend, table)).not.toBeNull();
});

test('a kernel that computes wrongly is found, reported and never used', async () => {
  const create = GPUDevice.prototype.createShaderModule;
  vi.spyOn(GPUDevice.prototype, 'createShaderModule').mockImplementation(function (this: GPUDevice, descriptor) {
    return create.call(this, { ...descriptor, code: descriptor.code.replace('dot(d, d)', '0.999 * dot(d, d)') });
  });
  const backend = local();
  expect(await filled(backend)).toBeNull();
  const { kernelsWrong, lastFailure } = await backend.status();
  expect(kernelsWrong).toHaveLength(1);
  expect(kernelsWrong[0]).toMatch(/^exact-f32-l2-squared/);
  expect(lastFailure).toMatch(/should be/);
});

test('the self-test notices kernels that are a little wrong', async () => {
  const mutations: readonly (readonly [KernelFamily, string, string])[] = [
    ['exact', 'key == otherKey && id < otherId', 'key == otherKey && id > otherId'],
    ['graph', 'min(length + fresh, 16u)', 'min(length + fresh, 6u)'],
    ['build', 'keptCount == 4u', 'keptCount == 3u'],
    ['kmeans', 'sum < nearestDistance', 'sum < nearestDistance * 0.5'],
  ];
  const create = GPUDevice.prototype.createShaderModule;
  for (const [family, right, wrong] of mutations) {
    const gpu = await openTestDevice();
    vi.spyOn(GPUDevice.prototype, 'createShaderModule').mockImplementation(function (this: GPUDevice, descriptor) {
      return create.call(this, { ...descriptor, code: descriptor.code.replace(right, wrong) });
    });
    const says = await gpu.exclusive(() => selfTest(gpu, family, { rowType: 'f32', distance: 'l2-squared', packedDot: true }, 0));
    expect(says, `${family} with ${wrong}`).not.toBeNull();
    vi.restoreAllMocks();
    gpu.destroy();
  }
});

test('graphs, building and k-means prove themselves and answer', async () => {
  const backend = shared;
  const { jobsFailed } = await backend.status();
  const table = (await filled(backend))!;
  const built = (await backend.build({ table, maxConnections: 6, efConstruction: 32, cpuMs: 1e6 }))!;
  const { degree, links } = built.levels[0];
  const walkable = (await backend.openTable({
    rowType: 'f32',
    distance: 'l2-squared',
    dimensions: DIMENSIONS,
    space: null,
    rowsExpected: 4,
  }))!;
  const patch = { degree, rows: ids.slice(), words: new Uint8Array(rows.slice().buffer), terms: new Float32Array(0), linked: ids.slice() };
  expect(await backend.patchGraph(walkable, { ...patch, links, seeds: ids.slice(0, 32) })).toBe(true);
  const walked = (await backend.searchGraph({
    table: walkable,
    exact: null,
    queries: queries.slice(),
    k: K,
    ef: 64,
    rescore: K,
    cpuMs: 1e6,
  }))!;
  expect([...walked.docIDs]).toEqual([...(await exact(backend, table))!.docIDs]);
  const shape = { rows: ROWS, dimensions: DIMENSIONS, segments: 4, centroids: 8 };
  const trained = (await backend.trainCentroids({
    ...shape,
    sample: rows.slice(),
    start: rows.slice(0, 8 * DIMENSIONS),
    iterations: 4,
    cpuMs: 1e6,
  }))!;
  expect(Math.max(...trained.assigned)).toBeLessThan(8);
  expect(await backend.status()).toMatchObject({ kernelsChecked: 4, kernelsWrong: [], jobsFailed });
});

test('where the adapter has timestamps, a job’s passes are timed on it, each job anew', async () => {
  const gpu = await openTestDevice();
  expect(gpu.timer !== null).toBe(gpu.facts.timestamps);
  const time = async (count: number): Promise<{ workMs: number; tookMs: number }> => {
    gpu.timer?.restart();
    const started = performance.now();
    const shape = { rows: count, dimensions: 64, segments: 1, centroids: 200 };
    await gpu.exclusive(() =>
      trainCentroids(gpu, { ...shape, sample: new Float32Array(count * 64), start: new Float32Array(200 * 64), iterations: 1 }),
    );
    return { workMs: gpu.timer?.workMs ?? NaN, tookMs: performance.now() - started };
  };
  await time(64);
  const [much, little] = [await time(20_000), await time(64)];
  if (gpu.timer) {
    expect(much.workMs).toBeGreaterThan(0);
    expect(much.workMs).toBeLessThanOrEqual(much.tookMs + 1);
    expect(little.workMs).toBeLessThan(much.workMs);
  }
  gpu.destroy();
});

test('a device can be measured: every cost is a positive number', async () => {
  const gpu = await openTestDevice();
  const { costs, shape } = await gpu.exclusive(() => calibrate(gpu, systemClock, { rows: 256, dimensions: 16, queries: 8 }, 1));
  const { roundTripMs, uploadBytesPerMs, walkTermsPerMs, scanTermsPerMs } = costs;
  for (const cost of [roundTripMs, uploadBytesPerMs, walkTermsPerMs, ...Object.values(scanTermsPerMs)]) expect(cost).toBeGreaterThan(0);
  expect(shape).toBe(0);
  gpu.destroy();
});
