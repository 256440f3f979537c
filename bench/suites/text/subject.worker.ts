/** One engine in a worker of its own, so that its processor time is its thread's. */
import { Ours } from './ours.ts';
import { Fts5, FlexSearch, MiniSearch, Orama } from './peers.ts';
import type { Operator, TextSubject } from './subject.ts';

export type EngineName = 'heddle' | 'minisearch' | 'flexsearch' | 'orama' | 'fts5';
export type Step =
  | { readonly kind: 'load'; readonly url: string }
  | { readonly kind: 'open'; readonly engine: EngineName; readonly name: string }
  | { readonly kind: 'index' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'search'; readonly operator: Operator; readonly queries: readonly string[] }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'close' };

export interface StepResult {
  /** Wall milliseconds of the whole step. */
  readonly ms: number;
  /** Wall milliseconds of each search. */
  readonly calls: readonly number[];
  /** Bytes, or results found. */
  readonly value: number;
}

let texts: string[] = [];
let subject: TextSubject;

async function open(engine: EngineName, name: string): Promise<TextSubject> {
  if (engine === 'heddle') return Ours.open(name);
  if (engine === 'fts5') return Fts5.open();
  return engine === 'minisearch' ? new MiniSearch() : engine === 'orama' ? new Orama() : new FlexSearch();
}

async function run(step: Step): Promise<{ calls?: number[]; value?: number }> {
  switch (step.kind) {
    case 'load':
      texts = (await (await fetch(step.url)).json()) as string[];
      return { value: texts.length };
    case 'open':
      subject = await open(step.engine, step.name);
      return {};
    case 'index':
      await subject.index(texts);
      return {};
    case 'settle':
      if (subject instanceof Ours) await subject.settle();
      return {};
    case 'search': {
      const calls: number[] = [];
      let value = 0;
      for (const query of step.queries) {
        const started = performance.now();
        value += subject.search(query, step.operator);
        calls.push(performance.now() - started);
      }
      return { calls, value };
    }
    case 'bytes':
      return { value: await subject.bytes?.() };
    case 'close':
      await subject.close();
      return {};
  }
}

onmessage = async ({ data }: MessageEvent<Step>) => {
  const started = performance.now();
  try {
    const { calls = [], value = 0 } = await run(data);
    postMessage({ ms: performance.now() - started, calls, value } satisfies StepResult);
  } catch (error) {
    postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
};
