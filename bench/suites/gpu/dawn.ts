/**
 * WebGPU in Node: Dawn, from the npm package `webgpu`. On a machine without a Vulkan loader of its own the run starts itself
 * again on Chromium's loader and software adapter, so that the kernels can be checked everywhere.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findChromium } from '../../../scripts/lib/chromium.mjs';

const SECOND_START = 'HEDDLE_GPU_ON_CHROMIUM';
/** Dawn lives as long as this is referenced. */
const kept: unknown[] = [];

/** Dawn's `GPU` with an adapter, or null. */
export async function openDawn(): Promise<GPU | null> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  kept.push(gpu);
  if (await gpu.requestAdapter()) return gpu;
  const chromium = await findChromium().catch(() => null); // packed, there is nothing to look with
  const folder = chromium && dirname(chromium).replace(/^\/usr\/bin$/, '/usr/lib/chromium');
  const driver = folder && join(folder, 'vk_swiftshader_icd.json');
  if (process.env[SECOND_START] !== undefined || !driver || !existsSync(driver)) return null;
  const env = { ...process.env, [SECOND_START]: '1', LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: driver };
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], { env, stdio: 'inherit' });
  process.exit(status ?? 1);
}
