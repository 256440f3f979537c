/** Ends a browser as a power button or the kernel would: every process of its profile at once, with no time to do anything. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { browserProcesses } from '../../bench/run/cpu-time.ts';

const GONE_MS_MAX = 5000;

/** SIGKILL to all, waits until they are gone, and removes the locks that a killed Chromium leaves in its profile. */
export async function killBrowser(profile: string): Promise<void> {
  const pids = browserProcesses(profile);
  if (pids.length === 0) throw new Error(`no browser runs on ${profile}`);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with its parent.
    }
  }
  const until = Date.now() + GONE_MS_MAX;
  while (!pids.every(hasEnded) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const name of ['SingletonLock', 'SingletonSocket', 'SingletonCookie']) rmSync(join(profile, name), { force: true });
}

/** Gone, or killed and only not yet waited for by its parent. */
function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] === 'Z';
  } catch {
    return true;
  }
}
