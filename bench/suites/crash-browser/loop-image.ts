/**
 * A file system in a file, mounted through a loop device, whose power can be cut: copying the backing file takes what has
 * reached "the device" and leaves what is only in the page cache of the file system above. Needs root and loop devices.
 *
 * It is a best-case cut: nothing is reordered inside the device and no sector is torn. The simulated device does those.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Sparse. Firefox allows a site a tenth of the disk, and a minute of writing takes some 60 MB. */
const IMAGE_MIB = 2048;
const UNMOUNT_TRIES = 50;

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export class LoopImage {
  readonly file: string;
  private mountedAt: string | null = null;

  private constructor(file: string) {
    this.file = file;
  }

  /** A fresh ext4 in `file`. */
  static make(file: string): LoopImage {
    run('truncate', '-s', `${IMAGE_MIB}M`, file);
    run('mkfs.ext4', '-q', '-F', file);
    return new LoopImage(file);
  }

  mount(): string {
    const at = mkdtempSync(join(tmpdir(), 'heddle-power-'));
    mkdirSync(at, { recursive: true });
    run('mount', '-o', 'loop', this.file, at);
    this.mountedAt = at;
    return at;
  }

  /** The backing file as it is now, mounted or not: what a power cut leaves. */
  copy(file: string): LoopImage {
    run('cp', '--sparse=always', this.file, file);
    return new LoopImage(file);
  }

  unmount(): void {
    const at = this.mountedAt;
    if (at === null) return;
    this.mountedAt = null;
    // A process of the browser may have a file open for a while; a copy made before it lets go would be of a disk in use.
    const isFree = Array.from({ length: UNMOUNT_TRIES }).some(() => {
      try {
        run('umount', at);
        return true;
      } catch {
        run('sleep', '0.2');
        return false;
      }
    });
    if (!isFree) run('umount', '-l', at);
    rmSync(at, { recursive: true, force: true });
  }

  discard(): void {
    this.unmount();
    rmSync(this.file, { force: true });
  }
}

/** Why power can't be cut here, or null where it can. */
export function whyNoPowerCuts(): string | null {
  if (process.getuid?.() !== 0) return 'mounting a loop device needs root';
  const folder = mkdtempSync(join(tmpdir(), 'heddle-loop-'));
  try {
    const image = LoopImage.make(join(folder, 'probe'));
    image.mount();
    image.unmount();
    return null;
  } catch (thrown) {
    return `loop mounts don't work here: ${String(thrown).split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
