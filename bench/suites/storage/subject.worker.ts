/** One engine in a worker of its own: runs the bench's steps inside, so that messages are no part of what is measured. */
import { SeededRandom } from '../../../src/core/clock.ts';
import { Ours } from './ours.ts';
import { OursStore } from './ours-store.ts';
import { DexieDb, IndexedDb, Postgres, Raw, Sqlite3 } from './peers.ts';
import type { Subject } from './subject.ts';

export type EngineName = 'heddle' | 'heddle-store' | 'raw' | 'sqlite' | 'idb' | 'dexie' | 'pglite';

/** What the page asks of the worker. */
export type Step =
  | { readonly kind: 'open'; readonly engine: EngineName }
  | { readonly kind: 'put'; readonly from: number; readonly batch: number; readonly times: number }
  | { readonly kind: 'put-in-flight'; readonly from: number; readonly count: number; readonly inFlight: number }
  | { readonly kind: 'get'; readonly below: number; readonly times: number; readonly seed: number }
  | { readonly kind: 'scan'; readonly times: number }
  | { readonly kind: 'rest' }
  | { readonly kind: 'compact' }
  | { readonly kind: 'facts' }
  | { readonly kind: 'close' };

export interface StepResult {
  readonly ms: number;
  /** Each single call's milliseconds, where there are several. */
  readonly calls: readonly number[];
  readonly count: number;
  readonly facts: Readonly<Record<string, number>>;
}

const MAKE: Record<EngineName, () => Subject> = {
  heddle: () => new Ours(),
  'heddle-store': () => new OursStore(),
  raw: () => new Raw(),
  sqlite: () => new Sqlite3(),
  idb: () => new IndexedDb(),
  dexie: () => new DexieDb(),
  pglite: () => new Postgres(),
};

let subject: Subject;

const { port1, port2 } = new MessageChannel();

/** Resolves in a later turn: in a worker each call arrives as a message of its own, and what an engine left to do afterwards has run. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });
}

async function run(step: Step): Promise<Omit<StepResult, 'ms'>> {
  const nothing = { calls: [], count: 0, facts: {} };
  switch (step.kind) {
    case 'open':
      subject = MAKE[step.engine]();
      await subject.open();
      return nothing;
    case 'put': {
      const calls: number[] = [];
      for (let i = 0; i < step.times; i++) {
        const started = performance.now();
        await subject.put(step.from + i * step.batch, step.batch);
        calls.push(performance.now() - started);
        await nextTurn();
      }
      return { ...nothing, calls, count: step.batch * step.times };
    }
    case 'put-in-flight':
      await subject.putInFlight!(step.from, step.count, step.inFlight);
      return { ...nothing, count: step.count };
    case 'get': {
      const random = new SeededRandom(step.seed);
      let bytes = 0;
      for (let i = 0; i < step.times; i++) {
        const got = subject.get(random.int(step.below));
        bytes += (typeof got === 'string' ? got : await got).length;
      }
      if (bytes < step.times * 500) throw new Error(`gets gave ${bytes} characters only`);
      return { ...nothing, count: step.times };
    }
    case 'scan': {
      let count = 0;
      for (let i = 0; i < step.times; i++) count += await subject.scan();
      return { ...nothing, count };
    }
    case 'rest':
      await subject.rest?.();
      return nothing;
    case 'compact':
      if (subject instanceof Ours || subject instanceof OursStore) await subject.compact();
      return nothing;
    case 'facts':
      return { ...nothing, facts: (await subject.facts?.()) ?? {} };
    case 'close':
      await subject.close();
      return nothing;
  }
}

onmessage = async ({ data }: MessageEvent<Step>) => {
  const started = performance.now();
  try {
    const result = await run(data);
    postMessage({ ...result, ms: performance.now() - started } satisfies StepResult);
  } catch (error) {
    postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
};
