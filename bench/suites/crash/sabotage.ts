/**
 * Engines broken from outside, by what they are given: no line of the product knows of it. The harness has to catch each.
 * Engines broken from inside, line by line, are in `mutants.ts`.
 */
import type { Mirror, Vfs, VfsFile } from '../../../src/vfs/vfs.ts';
import { callSite } from './sites.ts';
import type { Sabotage } from './subject.ts';

/** The vfs with `change` applied to every file it opens. */
function wrapFiles(vfs: Vfs, change: (file: VfsFile) => Partial<VfsFile>): Vfs {
  return {
    kind: vfs.kind,
    list: () => vfs.list(),
    directories: () => vfs.directories(),
    remove: (name) => vfs.remove(name),
    directory: (name) => wrapFiles(vfs.directory(name), change),
    destroy: () => vfs.destroy(),
    alive: () => vfs.alive(),
    async open(name, options) {
      const file = await vfs.open(name, options);
      const whole: VfsFile = {
        name: file.name,
        read: (into, at) => file.read(into, at),
        write: (bytes, at) => file.write(bytes, at),
        flush: () => file.flush(),
        size: () => file.size(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        close: () => file.close(),
      };
      return Object.assign(whole, change(file));
    },
  };
}

const noFlushOf =
  (names: RegExp) =>
  (vfs: Vfs): Vfs =>
    wrapFiles(vfs, (file) => (names.test(file.name) ? { flush: () => undefined } : {}));

const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'no flush at all': { wrapVfs: noFlushOf(/^/), wrapMirror: forgetful },
  'no flush of log files': { wrapVfs: noFlushOf(/^l\d/), wrapMirror: forgetful },
  'no flush of manifest files': { wrapVfs: noFlushOf(/^m\d/) },
  'no flush of data files': { wrapVfs: noFlushOf(/^d\d/) },
  'no mirror in the first minute': { wrapMirror: forgetful },
  'new names trusted at once': { storageLimits: { settleMs: 0 } },
  'new names trusted after 30 s': { storageLimits: { settleMs: 30_000 } },
  'writes cut short in silence': {
    wrapVfs: (vfs) =>
      wrapFiles(vfs, (file) => ({
        write: (bytes, at) => file.write(bytes.subarray(0, Math.max(0, bytes.length - (bytes.length > 600 ? 512 : 0))), at),
      })),
  },
};

function forgetful(mirror: Mirror): Mirror {
  return {
    append: async () => undefined,
    read: (stream) => mirror.read(stream),
    streams: () => mirror.streams(),
    clear: () => mirror.clear(),
    close: () => mirror.close(),
  };
}

/**
 * Flush sites that another one covers, so that leaving out one of them alone loses nothing; run and reported, not counted.
 * The reason is part of the claim: when it stops being true, the site has to be caught.
 */
export const REDUNDANT: readonly { readonly site: RegExp; readonly because: string }[] = [
  {
    site: /^createFiles </,
    because: 'until the names of new files settle the mirror stands for them, and each file is flushed by its first real write',
  },
  { site: /^writeSlot < .*makeHost/, because: 'the same: the first manifests of a database whose names can still be lost' },
  { site: /Log\.flush < <anonymous>$/, because: 'closing flushes a log of which every strict commit has flushed its part' },
];

export const whyRedundant = (name: string): string | null =>
  name.startsWith(NO_FLUSH_BY) ? (REDUNDANT.find(({ site }) => site.test(name.slice(NO_FLUSH_BY.length)))?.because ?? null) : null;

export const sabotageNames: readonly string[] = Object.keys(SABOTAGES);

/** Prefix of the sabotages that leave out one flush site: `no flush by Log.flush < HostStorage.commit`. */
export const NO_FLUSH_BY = 'no flush by ';

/** A vfs that notes every flush site it meets. */
export const noteFlushSites =
  (sites: Map<string, number>) =>
  (vfs: Vfs): Vfs =>
    wrapFiles(vfs, (file) => ({
      flush() {
        const site = callSite();
        sites.set(site, (sites.get(site) ?? 0) + 1);
        file.flush();
      },
    }));

const withoutSite =
  (site: string) =>
  (vfs: Vfs): Vfs =>
    wrapFiles(vfs, (file) => ({
      flush() {
        if (callSite() !== site) file.flush();
      },
    }));

export function sabotageNamed(name: string | null): Sabotage {
  if (name === null) return {};
  if (name.startsWith(NO_FLUSH_BY)) return { wrapVfs: withoutSite(name.slice(NO_FLUSH_BY.length)) };
  const sabotage = SABOTAGES[name];
  if (sabotage === undefined) throw new Error(`no sabotage is named ${name}`);
  return sabotage;
}
