/**
 * The Chromium that tests, benchmarks and crash runs drive, and the flags they drive it with.
 *
 * Looked for in this order: `CHROMIUM_PATH`, the one Playwright installed, the system's.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './steps.mjs';

const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const SYSTEM_PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** Flags for every run: no network chatter, and WebGPU on the software adapter where there is no GPU. */
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
];

function onPath() {
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    for (const name of SYSTEM_NAMES) {
      const file = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
      if (folder && existsSync(file)) return file;
    }
  return SYSTEM_PLACES.find((place) => existsSync(place)) ?? null;
}

/** Path of a Chromium, or null where there is none. */
export async function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH names no file: ${named}`);
    return named;
  }
  const { chromium } = await import('playwright');
  const playwrights = chromium.executablePath();
  return playwrights && existsSync(playwrights) ? playwrights : onPath();
}

/** The same, or an error that says how to get one. */
export async function requireChromium() {
  const found = await findChromium();
  if (found) return found;
  throw new Error('no Chromium found: set CHROMIUM_PATH, or run "npx playwright install chromium"');
}

const BY_PLAYWRIGHT = ['npx', ['playwright', 'install', 'chromium']];
/** The libraries that Playwright's Chromium needs; not on every system, and only root can. */
const LIBRARIES = ['npx', ['playwright', 'install-deps', 'chromium']];
const BY_APT = [
  ['apt-get', ['update', '-q']],
  ['apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium']],
];

async function attempt(commands) {
  const env = { DEBIAN_FRONTEND: 'noninteractive', PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '20000' };
  for (const [command, args] of commands) {
    process.stdout.write(`${command} ${args.join(' ')} … `);
    const { code, output, seconds } = await runCommand(command, args, { env, show: false });
    console.log(code === 0 ? `done in ${seconds.toFixed(1)} s` : `exited with ${code}: ${output.trim().split('\n').at(-1)}`);
    if (code !== 0) return false;
  }
  return true;
}

/** Finds a Chromium or installs one: Playwright's, or, where that can't be fetched and we are root, Debian's package. */
export async function ensureChromium() {
  const found = await findChromium();
  if (found) return found;
  const root = process.getuid?.() === 0;
  const fetched = await attempt([BY_PLAYWRIGHT]);
  if (fetched && root) await attempt([LIBRARIES]);
  if (!fetched && root && existsSync('/usr/bin/apt-get')) await attempt(BY_APT);
  return requireChromium();
}
