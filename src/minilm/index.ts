/**
 * `heddle/minilm`: all-MiniLM-L6-v2 as a vectorizer that runs on the device, in a worker of its own. Where the app gets the files
 * that it serves: docs/minilm.md.
 *
 * Invariants:
 * - Nothing is fetched from anywhere but the URLs given; the package contacts no hub.
 * - Nothing is loaded before the first `embed` or `load`.
 * - A query goes before all waiting documents. Text longer than the model's window is embedded in overlapping windows.
 * - Every promise settles: when the worker dies, its calls reject as retryable and the next call starts another one.
 */
import { HeddleError } from '../core/errors.ts';
import type { Vectorizer } from '../client/vectorizer.ts';
import { DIMENSIONS, type FromWorker, type MinilmUrls, type ToWorker } from './messages.ts';

export type { MinilmUrls } from './messages.ts';

export interface MinilmOptions extends MinilmUrls {
  /** Threads of the runtime; more than one needs a cross-origin isolated page. Default 1. */
  readonly threads?: number;
  /** Makes the worker, for bundlers that don't follow `new URL('…', import.meta.url)`. */
  readonly worker?: () => Worker;
}

export interface LoadOptions {
  /** Bytes of the model so far and in all; the total is 0 when the server doesn't tell. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface Minilm extends Vectorizer {
  /** Loads model and runtime now; resolves when the next text can be embedded. */
  load(options?: LoadOptions): Promise<void>;
  /** Ends the worker and frees its memory; open calls reject as `Closed`. The next call starts again. */
  close(): void;
}

interface Call {
  readonly resolve: (vectors: Float32Array[]) => void;
  readonly reject: (error: HeddleError) => void;
}

interface Running {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  readonly calls: Map<number, Call>;
  end(error: HeddleError): void;
}

/** The vectorizer; give the same one to every collection that uses it. */
export function minilm(options: MinilmOptions): Minilm {
  const listeners = new Set<NonNullable<LoadOptions['onProgress']>>();
  let running: Running | null = null;
  let nextId = 1;

  const start = (): Running => {
    running ??= startWorker(options, listeners, () => (running = null));
    return running;
  };

  return {
    id: 'all-MiniLM-L6-v2-q8',
    dimensions: DIMENSIONS,
    async load({ onProgress, signal } = {}) {
      signal?.throwIfAborted();
      if (onProgress) listeners.add(onProgress);
      try {
        await abortable(start().ready, signal);
      } finally {
        if (onProgress) listeners.delete(onProgress);
      }
    },
    embed(texts, { purpose, signal }) {
      if (texts.length === 0) return Promise.resolve([]);
      if (signal?.aborted) return Promise.reject(aborted());
      const { worker, calls } = start();
      const id = nextId++;
      const send = (message: ToWorker) => worker.postMessage(message);
      const result = new Promise<Float32Array[]>((resolve, reject) => calls.set(id, { resolve, reject }));
      const cancel = () => {
        send({ kind: 'cancel', id });
        calls.get(id)?.reject(aborted());
        calls.delete(id);
      };
      signal?.addEventListener('abort', cancel);
      send({ kind: 'embed', id, texts, urgent: purpose === 'query' });
      return result.finally(() => signal?.removeEventListener('abort', cancel));
    },
    close() {
      running?.end(new HeddleError('Closed', 'minilm: closed while texts were being embedded'));
    },
  };
}

function startWorker(
  { threads = 1, worker: make, ...urls }: MinilmOptions,
  listeners: ReadonlySet<NonNullable<LoadOptions['onProgress']>>,
  onEnd: () => void,
): Running {
  const worker =
    make?.() ?? new Worker(new URL('../../workers/minilm.worker.ts', import.meta.url), { type: 'module', name: 'heddle minilm' });
  const calls = new Map<number, Call>();
  let resolve!: () => void;
  let reject!: (error: HeddleError) => void;
  const ready = new Promise<void>((onReady, onFailed) => {
    resolve = onReady;
    reject = onFailed;
  });
  // Callers that only embed hear of a failed start through their own call.
  ready.catch(() => undefined);

  const end = (error: HeddleError) => {
    worker.terminate();
    onEnd();
    reject(error);
    for (const call of calls.values()) call.reject(error);
    calls.clear();
  };
  const settle = (id: number): Call | undefined => {
    const call = calls.get(id);
    calls.delete(id);
    return call;
  };

  worker.onmessage = ({ data: message }: MessageEvent<FromWorker>) => {
    if (message.kind === 'progress') for (const listener of listeners) listener(message.loadedBytes, message.totalBytes);
    else if (message.kind === 'ready') resolve();
    else if (message.kind === 'failed') end(HeddleError.fromPlain(message.error));
    else if (message.kind === 'embedded') settle(message.id)?.resolve(rows(message.vectors));
    else settle(message.id)?.reject(HeddleError.fromPlain(message.error));
  };
  worker.onerror = (event) =>
    end(
      new HeddleError('VectorizerFailed', `minilm: its worker failed: ${event.message || 'it could not be started'}`, { retryable: true }),
    );

  const { model, tokenizer, tokenizerConfig, wasm } = urls;
  const absolute = (url: string) => new URL(url, globalThis.location?.href).href;
  worker.postMessage({
    kind: 'boot',
    threads,
    urls: { model: absolute(model), tokenizer: absolute(tokenizer), tokenizerConfig: absolute(tokenizerConfig), wasm: absolute(wasm) },
  } satisfies ToWorker);
  return { worker, ready, calls, end };
}

function rows(vectors: Float32Array): Float32Array[] {
  return Array.from({ length: vectors.length / DIMENSIONS }, (_, row) => vectors.slice(row * DIMENSIONS, (row + 1) * DIMENSIONS));
}

function aborted(): HeddleError {
  return new HeddleError('Aborted', 'minilm: the call was aborted');
}

function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return work;
  return Promise.race([work, new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(aborted()), { once: true }))]);
}
