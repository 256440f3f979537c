/**
 * The Chromium that tests, benchmarks and crash runs drive, and the flags they drive it with.
 *
 * Looked for in this order: `CHROMIUM_PATH`, the one Playwright installed, the system's.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

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
