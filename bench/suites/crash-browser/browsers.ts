/**
 * Real browsers as bare processes, to be killed: no driver in between that would notice or tidy up.
 *
 * A kill hits the browser's main process only, as a crash would: its children notice and die by themselves, and a renderer
 * may go on writing for up to 300 ms. Freezing, before a power cut, stops every process of the browser at once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHROMIUM_ARGS, requireChromium } from '../../../scripts/lib/chromium.mjs';

export type BrowserName = 'chromium' | 'firefox';

const FIREFOX_PLACES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];

/**
 * Preferences that keep Firefox quiet; nothing about storage is changed. Page thumbnails are off because Firefox takes them by
 * loading a site a second time, hidden, in a container of its own (`^userContextId=5`): to the page that is another origin,
 * with nothing stored.
 */
const FIREFOX_PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'browser.aboutwelcome.enabled': false,
  'browser.sessionstore.resume_from_crash': false,
  'toolkit.startup.max_resumed_crashes': -1,
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.policy.dataSubmissionPolicyBypassNotification': true,
  'app.update.enabled': false,
  'browser.pagethumbnails.capturing_disabled': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
};

/** Path of the browser's program, or null where it is not installed. */
export async function programOf(name: BrowserName): Promise<string | null> {
  if (name === 'chromium') return requireChromium().catch(() => null);
  const named = process.env.FIREFOX_PATH;
  return [...(named ? [named] : []), ...FIREFOX_PLACES].find((place) => existsSync(place)) ?? null;
}

function argumentsOf(name: BrowserName, profile: string, url: string): string[] {
  if (name === 'chromium')
    return [
      '--headless=new',
      ...CHROMIUM_ARGS.filter((flag) => flag !== '--enable-unsafe-webgpu'),
      '--disable-gpu',
      '--disable-breakpad',
      `--user-data-dir=${profile}`,
      url,
    ];
  return ['--headless', '--no-remote', '--profile', profile, url];
}

function prepareProfile(name: BrowserName, profile: string): void {
  mkdirSync(profile, { recursive: true });
  if (name === 'chromium')
    for (const lock of ['SingletonLock', 'SingletonSocket', 'SingletonCookie']) rmSync(join(profile, lock), { force: true });
  else {
    for (const lock of ['lock', '.parentlock']) rmSync(join(profile, lock), { force: true });
    writeFileSync(
      join(profile, 'user.js'),
      Object.entries(FIREFOX_PREFERENCES)
        .map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});\n`)
        .join(''),
    );
  }
}

/** What a profile holds of all sites: path, bytes and time of change of each file; evidence for when a browser forgets one. */
export function siteStorage(name: BrowserName, profile: string): string[] {
  const folder = join(profile, name === 'firefox' ? 'storage' : 'Default/File System');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => {
    const stat = statSync(join(folder, path), { throwIfNoEntry: false });
    return `${path} ${stat?.size ?? 'gone'} ${stat?.mtime.toISOString() ?? ''}`;
  });
}

/** Process ids of `root` and all below it. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      continue; // gone since the listing
    }
  }
  const tree = [root];
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]) ?? []));
  return tree;
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      continue; // already gone
    }
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

export class RunningBrowser {
  private readonly child: ChildProcess;
  private known: number[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(name: BrowserName, profile: string, url: string): Promise<RunningBrowser> {
    const program = await programOf(name);
    if (program === null) throw new Error(`${name} is not installed`);
    prepareProfile(name, profile);
    const env = { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' };
    return new RunningBrowser(spawn(program, argumentsOf(name, profile, url), { stdio: 'ignore', detached: true, env }));
  }

  private get pids(): number[] {
    this.known = [...new Set([...this.known, ...treeOf(this.child.pid as number)])];
    return this.known;
  }

  /** SIGKILL to the main process alone. */
  kill(): void {
    void this.pids;
    signal([this.child.pid as number], 'SIGKILL');
  }

  /** SIGSTOP to all, again until no new process has appeared: nothing of the browser runs any more. */
  freeze(): void {
    for (let before = -1; before !== this.pids.length;) {
      before = this.known.length;
      signal(this.known, 'SIGSTOP');
    }
  }

  /** Ends what is left, and returns when it is gone. */
  async end(): Promise<void> {
    const pids = this.pids;
    signal(pids, 'SIGKILL');
    for (let wait = 0; wait < 500 && pids.some(isAlive); wait++) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
