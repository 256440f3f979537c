/**
 * The arithmetic peak of a device as WGSL can reach it: chains of fused multiply-adds (or packed 8-bit products) in registers,
 * long enough to hide latency, with nothing read or written but one result.
 */
import type { GpuDevice } from '../../../src/gpu/gpu-device.ts';
import { withBatch } from '../../../src/gpu/command-batch.ts';

const CHAINS = 8;
const STEPS = 1024;
const LANES = 256;

const wgsl = (word: string, scalar: string, step: (chain: string) => string): string => `
@group(0) @binding(0) var<uniform> p: vec4<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<${word}>;
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let seed = ${word}(${scalar}(id.x + p.y));
${Array.from({ length: CHAINS }, (_, i) => `  var c${i} = seed + ${word}(${i});`).join('\n')}
  for (var i = 0u; i < p.x; i++) {
${Array.from({ length: CHAINS }, (_, i) => `    c${i} = ${step(`c${i}`)};`).join('\n')}
  }
  out[id.x] = ${Array.from({ length: CHAINS }, (_, i) => `c${i}`).join(' + ')};
}`;

const FLOATS = wgsl('vec4<f32>', 'f32', (c) => `fma(${c}, vec4<f32>(0.999), vec4<f32>(0.001))`);
const PACKED = wgsl('vec4<u32>', 'u32', (c) => {
  const part = (axis: string): string => `bitcast<u32>(dot4I8Packed(${c}.${axis}, 0x01020304u))`;
  return `vec4<u32>(${['x', 'y', 'z', 'w'].map(part).join(', ')}) + ${c}`;
});

/** Multiply-adds a second, of floats or of packed 8-bit integers. `groups` workgroups: some hundred thousand invocations on hardware. */
export async function peakPerSecond(gpu: GpuDevice, kind: 'f32' | 'u7', groups: number): Promise<number> {
  const pipeline = await gpu.pipeline(`peak-${kind}`, () => (kind === 'f32' ? FLOATS : PACKED));
  const perStep = kind === 'f32' ? 4 : 16;
  let best = Infinity;
  for (let round = 0; round < 4; round++) {
    await withBatch(gpu, async (batch) => {
      const out = batch.scratch(groups * LANES * 16);
      const started = performance.now();
      batch.dispatch(pipeline, { 1: out }, [STEPS, round], groups);
      await batch.read({ buffer: out, bytes: 16 });
      best = Math.min(best, performance.now() - started);
    });
  }
  return (groups * LANES * STEPS * CHAINS * perStep) / (best / 1000);
}
