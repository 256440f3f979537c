/**
 * What every vfs and every mirror must do, as one list of cases: run for memory, Node, the simulated device and, inside a
 * dedicated worker of a real browser, OPFS. No test runner is imported, because none runs in such a worker.
 */
import { HeddleError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Mirror, Vfs, VfsFile } from './vfs.ts';

export interface ConformanceCase<T> {
  readonly title: string;
  /** Throws when the contract is broken; `fresh` gives an empty one. */
  run(fresh: () => Promise<T>): Promise<void>;
}

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const show = (value: unknown): string =>
  value instanceof Uint8Array
    ? `[${value.subarray(0, 64).join(' ')}]`
    : JSON.stringify(value, (_, v: unknown) => (v instanceof Uint8Array ? [...v] : v));

function equal(actual: unknown, expected: unknown, what = 'value'): void {
  const same =
    actual instanceof Uint8Array && expected instanceof Uint8Array
      ? actual.length === expected.length && actual.every((byte, i) => byte === expected[i])
      : show(actual) === show(expected);
  if (!same) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

function hasCode(thrown: unknown, code: ErrorCode, what: string): void {
  if (!(thrown instanceof HeddleError) || thrown.code !== code) throw new Error(`${what}: expected ${code}, got ${String(thrown)}`);
}
async function rejects(promise: Promise<unknown>, code: ErrorCode, what: string): Promise<void> {
  await promise.then(
    () => {
      throw new Error(`${what}: expected ${code}, got success`);
    },
    (thrown: unknown) => hasCode(thrown, code, what),
  );
}
function throws(action: () => unknown, code: ErrorCode, what: string): void {
  try {
    action();
  } catch (thrown) {
    return hasCode(thrown, code, what);
  }
  throw new Error(`${what}: expected ${code}, got success`);
}

function contents(file: VfsFile): Uint8Array {
  const all = new Uint8Array(file.size());
  equal(file.read(all, 0), all.length, 'bytes read');
  return all;
}

async function withFile<T>(vfs: Vfs, name: string, use: (file: VfsFile) => T): Promise<T> {
  const file = await vfs.open(name, { create: true });
  try {
    return use(file);
  } finally {
    file.close();
  }
}

export const VFS_CASES: readonly ConformanceCase<Vfs>[] = [
  {
    title: 'starts empty and lists what was created',
    async run(fresh) {
      const vfs = await fresh();
      equal(await vfs.list(), []);
      equal(await vfs.directories(), []);
      await withFile(vfs, 'b', () => undefined);
      await withFile(vfs, 'a', () => undefined);
      equal((await vfs.list()).sort(), ['a', 'b']);
    },
  },

  {
    title: 'refuses to open a missing file that is not to be created',
    async run(fresh) {
      const vfs = await fresh();
      await rejects(vfs.open('nothing', { create: false }), 'NotFound', 'the call');
      equal(await vfs.list(), []);
    },
  },

  {
    title: 'reads back what was written, also through a later handle',
    async run(fresh) {
      const vfs = await fresh();
      await withFile(vfs, 'f', (file) => {
        file.write(text('hello world'), 0);
        file.write(text('W'), 6);
        equal(file.size(), 11);
        equal(contents(file), text('hello World'));
        file.flush();
      });
      const again = await vfs.open('f', { create: false });
      equal(again.size(), 11);
      equal(contents(again), text('hello World'));
      again.close();
    },
  },

  {
    title: 'fills a gap left by writing past the end with zeros',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        file.write(bytes(1), 0);
        file.write(bytes(2), 5000);
        equal(file.size(), 5001);
        const all = contents(file);
        equal(all[0], 1);
        equal(all[5000], 2);
        equal(
          all.subarray(1, 5000).every((byte) => byte === 0),
          true,
        );
      });
    },
  },

  {
    title: 'reads short at the end and nothing beyond it',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        file.write(bytes(1, 2, 3), 0);
        const into = new Uint8Array(8).fill(9);
        equal(file.read(into, 1), 2);
        equal(into, bytes(2, 3, 9, 9, 9, 9, 9, 9));
        equal(file.read(into, 3), 0);
        equal(file.read(into, 100), 0);
      });
    },
  },

  {
    title: 'truncates to less and extends with zeros, never with old bytes',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        file.write(new Uint8Array(3000).fill(7), 0);
        file.truncate(1000);
        equal(file.size(), 1000);
        file.truncate(2000);
        equal(file.size(), 2000);
        const all = contents(file);
        equal(
          all.subarray(0, 1000).every((byte) => byte === 7),
          true,
        );
        equal(
          all.subarray(1000).every((byte) => byte === 0),
          true,
        );
      });
    },
  },

  {
    title: 'borrows the bytes it is given: changing them afterwards changes nothing',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        const mine = bytes(1, 2, 3);
        file.write(mine, 0);
        mine.fill(9);
        equal(contents(file), bytes(1, 2, 3));
      });
    },
  },

  {
    title: 'writes views into larger buffers as they are',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        file.write(bytes(0, 1, 2, 3, 4).subarray(1, 4), 0);
        equal(contents(file), bytes(1, 2, 3));
        const into = new Uint8Array(5);
        equal(file.read(into.subarray(2, 4), 1), 2);
        equal(into, bytes(0, 0, 2, 3, 0));
      });
    },
  },

  {
    title: 'agrees with a plain array over many random writes, truncations and reads',
    async run(fresh) {
      await withFile(await fresh(), 'f', (file) => {
        let model = new Uint8Array(0);
        let state = 12345;
        const random = (below: number): number => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          return Math.floor((state / 2 ** 32) * below);
        };
        for (let step = 0; step < 300; step++) {
          const kind = random(10);
          if (kind < 6) {
            const at = random(6000);
            const chunk = new Uint8Array(random(2000)).fill(step & 0xff);
            file.write(chunk, at);
            if (chunk.length > 0) {
              const next = new Uint8Array(Math.max(model.length, at + chunk.length));
              next.set(model);
              next.set(chunk, at);
              model = next;
            }
          } else if (kind < 8) {
            const sizeBytes = random(8000);
            file.truncate(sizeBytes);
            const next = new Uint8Array(sizeBytes);
            next.set(model.subarray(0, sizeBytes));
            model = next;
          } else if (kind < 9) file.flush();
          equal(file.size(), model.length);
        }
        equal(contents(file), model);
      });
    },
  },

  {
    title: 'gives one handle a file: a second open fails until the first is closed',
    async run(fresh) {
      const vfs = await fresh();
      const first = await vfs.open('f', { create: true });
      await rejects(vfs.open('f', { create: true }), 'StorageUnavailable', 'the call');
      await rejects(vfs.remove('f'), 'StorageUnavailable', 'the call');
      first.close();
      first.close();
      (await vfs.open('f', { create: false })).close();
    },
  },

  {
    title: 'refuses work on a closed file',
    async run(fresh) {
      const file = await (await fresh()).open('f', { create: true });
      file.close();
      throws(() => file.write(bytes(1), 0), 'Closed', 'the call');
      throws(() => file.read(bytes(0), 0), 'Closed', 'the call');
      throws(() => file.flush(), 'Closed', 'the call');
    },
  },

  {
    title: 'refuses names that some platform could not keep',
    async run(fresh) {
      const vfs = await fresh();
      for (const name of ['', '.', '..', 'a/b', 'Upper', 'ä', 'x'.repeat(300), '_hidden'])
        await rejects(vfs.open(name, { create: true }), 'InvalidInput', `name ${name}`);
    },
  },

  {
    title: 'removes files, and does not mind missing ones',
    async run(fresh) {
      const vfs = await fresh();
      await withFile(vfs, 'f', (file) => file.write(bytes(1), 0));
      await vfs.remove('f');
      await vfs.remove('f');
      equal(await vfs.list(), []);
      await withFile(vfs, 'f', (file) => equal(file.size(), 0));
    },
  },

  {
    title: 'keeps sub-directories apart and destroys them whole',
    async run(fresh) {
      const vfs = await fresh();
      const left = vfs.directory('left');
      const right = vfs.directory('right').directory('deep');
      equal(await left.list(), []);
      await withFile(left, 'f', (file) => file.write(bytes(1), 0));
      await withFile(right, 'f', (file) => file.write(bytes(2, 3), 0));
      equal((await vfs.directories()).sort(), ['left', 'right']);
      equal(await vfs.list(), []);
      await withFile(vfs.directory('left'), 'f', (file) => equal(file.size(), 1));
      await vfs.directory('right').destroy();
      await vfs.directory('right').destroy();
      equal(await vfs.directories(), ['left']);
      equal(await right.list(), []);
    },
  },

  {
    title: 'notices that its directory was destroyed and made anew',
    async run(fresh) {
      const parent = await fresh();
      const mine = parent.directory('mine');
      (await mine.open('f', { create: true })).close();
      equal(await mine.alive(), true);
      await parent.directory('mine').destroy();
      equal(await mine.alive(), false);
      (await parent.directory('mine').open('f', { create: true })).close();
      equal(await mine.alive(), false);
    },
  },
];

export const MIRROR_CASES: readonly ConformanceCase<Mirror>[] = [
  {
    title: 'keeps records in order, apart by stream',
    async run(fresh) {
      const mirror = await fresh();
      await mirror.append('log', [bytes(1), bytes(2, 3)]);
      await mirror.append('other', [bytes(9)]);
      await mirror.append('log', [bytes()]);
      equal(await mirror.read('log'), [bytes(1), bytes(2, 3), bytes()]);
      equal(await mirror.read('other'), [bytes(9)]);
      equal(await mirror.read('none'), []);
      equal((await mirror.streams()).sort(), ['log', 'other']);
      mirror.close();
    },
  },

  {
    title: 'borrows the records it is given',
    async run(fresh) {
      const mirror = await fresh();
      const record = bytes(1, 2, 3, 4).subarray(1, 3);
      await mirror.append('log', [record]);
      record.fill(9);
      equal(await mirror.read('log'), [bytes(2, 3)]);
      mirror.close();
    },
  },

  {
    title: 'is empty after clear and goes on',
    async run(fresh) {
      const mirror = await fresh();
      await mirror.append('log', [bytes(1)]);
      await mirror.clear();
      equal(await mirror.streams(), []);
      equal(await mirror.read('log'), []);
      await mirror.append('log', [bytes(2)]);
      equal(await mirror.read('log'), [bytes(2)]);
      mirror.close();
    },
  },
];
