/**
 * What the page shows, as signals; and its mirror for tests and benchmarks: `data-…` attributes on `<html>` and performance
 * marks named `heddle:…` (listed in demo/README.md).
 */
import { computed, effect, signal } from '@preact/signals';
import type { Lack } from './platform.ts';

export type Mode = 'meaning' | 'words' | 'both';
export type Tab = 'dictionary' | 'notes';

export interface Stage {
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly done: number;
  readonly total: number;
  /** Why it failed. */
  readonly error: string;
}

const WAITING: Stage = { state: 'waiting', done: 0, total: 0, error: '' };

export const lack = signal<Lack | null>(null);
export const database = signal<'opening' | 'ready' | 'failed'>('opening');
export const fault = signal('');

/** Another tab holds the database and doesn't answer. */
export const blocked = signal(false);
/** The browser had deleted everything since the last visit. */
export const evicted = signal(false);

/** Text of the dictionary into the database; its vectors; the sentence model. */
export const text = signal<Stage>(WAITING);
export const vectors = signal<Stage>(WAITING);
export const model = signal<Stage>(WAITING);
/** Vectors of the notes. */
export const noteVectors = signal<Stage>(WAITING);
export const notePaused = signal(false);

export const tab = signal<Tab>(location.hash === '#notes' ? 'notes' : 'dictionary');
export const query = signal(new URLSearchParams(location.search).get('q') ?? '');
export const mode = signal<Mode>('meaning');
export const pos = signal<string | null>(null);
export const domains = signal<readonly string[]>([]);

/** Meaning can be asked: the model is there and at least some vectors are. */
export const meaningReady = computed(() => model.value.state === 'done');
export const settled = computed(() => [text, vectors, model].every((stage) => stage.value.state === 'done'));
/** 0 until known. */
export const bytesOnDisk = signal(0);
export const offlineReady = signal(false);
export const updateReady = signal<(() => void) | null>(null);
export const online = signal(navigator.onLine);

export const running = (done: number, total: number): Stage => ({ state: 'running', done, total, error: '' });
export const finished = (total: number): Stage => ({ state: 'done', done: total, total, error: '' });
export const failed = (stage: Stage, error: unknown): Stage => ({
  ...stage,
  state: 'failed',
  error: error instanceof Error ? error.message : String(error),
});

const marked = new Set<string>();
/** A performance mark that is set once. */
export function markOnce(name: string): void {
  if (marked.has(name)) return;
  marked.add(name);
  performance.mark(`heddle:${name}`);
}

/** Keeps `<html data-…>` up to date. */
export function mirrorState(): void {
  effect(() => {
    Object.assign(document.documentElement.dataset, {
      database: lack.value ? 'unsupported' : database.value,
      text: text.value.state,
      textDone: String(text.value.done),
      vectors: vectors.value.state,
      vectorsDone: String(vectors.value.done),
      model: model.value.state,
      noteVectors: noteVectors.value.state,
      offline: String(offlineReady.value),
    });
    if (text.value.state === 'done') markOnce('text-done');
    if (vectors.value.state === 'done') markOnce('vectors-done');
    if (model.value.state === 'done') markOnce('model-done');
    if (database.value === 'ready') markOnce('database-ready');
  });
}
