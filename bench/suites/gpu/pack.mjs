/**
 * node bench/suites/gpu/pack.mjs FILE.tgz (or FILE.tar, which is quicker to make)
 *
 * Packs the GPU suite with all it needs, for a 64-bit Linux machine that has a GPU and its driver but no network: the bundled suite,
 * Dawn, a Vulkan loader and this Node. There: `tar -xzf FILE.tgz && gpu-bench/run --json FILE`.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { findChromium } from '../../../scripts/lib/chromium.mjs';
import { ROOT, prepare } from '../../../scripts/lib/prepare.mjs';

const PLATFORM = 'linux-x64';
/** Where systems keep the loader; Chromium carries one too. */
const LOADERS = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib64/libvulkan.so.1', '/usr/lib/chromium/libvulkan.so.1'];

/** Starts the suite; adds our loader only where the system has none, and drivers from where containers put them. */
const LAUNCHER = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
if ! ldconfig -p 2>/dev/null | grep -q 'libvulkan\\.so\\.1'; then
  export LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
if [ -z "$VK_DRIVER_FILES$VK_ICD_FILENAMES" ] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
  drivers=$(ls /usr/local/*/share/vulkan/icd.d/*.json 2>/dev/null | paste -sd: -)
  [ -n "$drivers" ] && export VK_DRIVER_FILES="$drivers"
fi
export HEDDLE_BENCH_ROOT="$here"
exec "$here/node" --expose-gc "$here/suite/entry.mjs" "$@"
`;

async function loader() {
  const chromium = await findChromium();
  const found = [...LOADERS, ...(chromium ? [join(dirname(chromium), 'libvulkan.so.1')] : [])].find((file) => existsSync(file));
  if (!found) throw new Error('no Vulkan loader (libvulkan.so.1) found: install one, or Chromium');
  return found;
}

const target = process.argv[2];
if (!target) {
  console.error('usage: node bench/suites/gpu/pack.mjs FILE.tgz');
  process.exit(2);
}
await prepare();
const { bundleForNode } = await import('../../../scripts/lib/bundle-node.mjs');
const code = `
import * as suite from './suites/gpu/main.ts';
import { runSuite } from './run/run-suite.ts';
process.exit(await runSuite('gpu', suite, process.argv.slice(2), process.env.HEDDLE_BENCH_ROOT));
`;
const work = mkdtempSync(join(tmpdir(), 'gpu-bench-'));
const folder = join(work, 'gpu-bench');
const bundled = await bundleForNode(join(ROOT, 'bench', 'bench-gpu.ts'), code);
try {
  mkdirSync(join(folder, 'lib'), { recursive: true });
  cpSync(bundled.folder, join(folder, 'suite'), { recursive: true, filter: (file) => !file.endsWith('.map') });
  const dawn = join(ROOT, 'node_modules', 'webgpu');
  const carried = join(folder, 'node_modules', 'webgpu');
  mkdirSync(join(carried, 'dist'), { recursive: true });
  for (const name of ['package.json', 'index.js', 'LICENSE.md']) copyFileSync(join(dawn, name), join(carried, name));
  cpSync(join(dawn, 'dist', PLATFORM), join(carried, 'dist', PLATFORM), { recursive: true });
  copyFileSync(realpathSync(await loader()), join(folder, 'lib', 'libvulkan.so.1'));
  copyFileSync(realpathSync(process.execPath), join(folder, 'node'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
  const commit = spawnSync('git', ['describe', '--always', '--dirty=+', '--abbrev=12'], { cwd: ROOT, encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(folder, 'COMMIT'), `${commit || 'unknown'}\n`);
  writeFileSync(join(folder, 'run'), LAUNCHER);
  for (const name of ['run', 'node']) chmodSync(join(folder, name), 0o755);
  const squeeze = target.endsWith('.tar') ? [] : ['-I', 'gzip -9'];
  const { status } = spawnSync('tar', ['-cf', resolve(target), ...squeeze, '-C', work, 'gpu-bench'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('tar failed');
  console.log(`${target}: ${(statSync(target).size / 2 ** 20).toFixed(1)} MiB`);
} finally {
  rmSync(work, { recursive: true, force: true });
  rmSync(bundled.folder, { recursive: true, force: true });
}
