import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import { minilm } from './index.ts';
import { DIMENSIONS, type FromWorker, type ToWorker } from './messages.ts';

/** A worker that records what it is told and says what the test makes it say. */
class ScriptedWorker {
  readonly told: ToWorker[] = [];
  ended = false;
  onmessage: ((event: { data: FromWorker }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  postMessage(message: ToWorker): void {
    this.told.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
  say(message: FromWorker): void {
    this.onmessage?.({ data: message });
  }
}

function setUp() {
  const workers: ScriptedWorker[] = [];
  const vectorizer = minilm({
    model: 'https://app/m.onnx',
    tokenizer: 'https://app/t.json',
    tokenizerConfig: 'https://app/c.json',
    wasm: 'https://app/ort.wasm',
    worker: () => {
      workers.push(new ScriptedWorker());
      return workers.at(-1) as unknown as Worker;
    },
  });
  return { vectorizer, workers };
}

const lastId = (worker: ScriptedWorker) => (worker.told.at(-1) as ToWorker & { kind: 'embed' }).id;

test('no worker is started before it is needed, and only one', async () => {
  const { vectorizer, workers } = setUp();
  expect(workers).toHaveLength(0);
  expect(await vectorizer.embed([], { purpose: 'query' })).toEqual([]);
  expect(workers).toHaveLength(0);
  void vectorizer.embed(['a'], { purpose: 'query' });
  void vectorizer.embed(['b'], { purpose: 'document' });
  expect(workers).toHaveLength(1);
  expect(workers[0].told.map((message) => message.kind)).toEqual(['boot', 'embed', 'embed']);
  expect(workers[0].told[1]).toMatchObject({ urgent: true });
  expect(workers[0].told[2]).toMatchObject({ urgent: false });
});

test('one vector comes back for each text', async () => {
  const { vectorizer, workers } = setUp();
  const result = vectorizer.embed(['a', 'b'], { purpose: 'query' });
  const vectors = new Float32Array(2 * DIMENSIONS).fill(1, 0, DIMENSIONS).fill(2, DIMENSIONS);
  workers[0].say({ kind: 'embedded', id: lastId(workers[0]), vectors });
  const [a, b] = await result;
  expect([a.length, a[0], b.length, b[0]]).toEqual([DIMENSIONS, 1, DIMENSIONS, 2]);
});

test('an aborted call rejects as Aborted and is cancelled in the worker', async () => {
  const { vectorizer, workers } = setUp();
  const controller = new AbortController();
  const result = vectorizer.embed(['a'], { purpose: 'query', signal: controller.signal });
  const id = lastId(workers[0]);
  controller.abort();
  await expect(result).rejects.toMatchObject({ code: 'Aborted' });
  expect(workers[0].told.at(-1)).toEqual({ kind: 'cancel', id });
});

test('a worker that dies rejects its calls as retryable, and the next call starts another', async () => {
  const { vectorizer, workers } = setUp();
  const result = vectorizer.embed(['a'], { purpose: 'query' });
  const loading = vectorizer.load();
  workers[0].onerror?.({ message: 'out of memory' });
  await expect(result).rejects.toMatchObject({ code: 'VectorizerFailed', retryable: true });
  await expect(loading).rejects.toBeInstanceOf(HeddleError);
  void vectorizer.embed(['a'], { purpose: 'query' });
  expect(workers).toHaveLength(2);
});

test('a model that does not load says why to every caller', async () => {
  const { vectorizer, workers } = setUp();
  const result = vectorizer.embed(['a'], { purpose: 'document' });
  const error = new HeddleError('VectorizerFailed', 'minilm: https://app/m.onnx answered 404').toPlain();
  workers[0].say({ kind: 'failed', error });
  await expect(result).rejects.toMatchObject({ code: 'VectorizerFailed', message: error.message });
  expect(workers[0].ended).toBe(true);
});

test('loading reports bytes and ends with ready', async () => {
  const { vectorizer, workers } = setUp();
  const seen: number[] = [];
  const loading = vectorizer.load({ onProgress: (loadedBytes) => seen.push(loadedBytes) });
  workers[0].say({ kind: 'progress', loadedBytes: 5, totalBytes: 10 });
  workers[0].say({ kind: 'ready' });
  await loading;
  expect(seen).toEqual([5]);
});

test('close rejects what is open', async () => {
  const { vectorizer, workers } = setUp();
  const result = vectorizer.embed(['a'], { purpose: 'query' });
  vectorizer.close();
  await expect(result).rejects.toMatchObject({ code: 'Closed' });
  expect(workers[0].ended).toBe(true);
});
