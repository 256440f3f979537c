/**
 * From an empty page to a searchable dictionary: open the database, bring the text in, then the vectors and the model.
 *
 * Words come first: until the text is there, vectorizing rests, so that the first search by words is soon. On later visits the
 * text is there, and the model loads while the database opens; the workers of both start before the page is drawn.
 */
import { effect } from '@preact/signals';
import { minilm } from 'heddle/minilm';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { keepAnswering } from './answers.ts';
import { type DemoDatabase, openDatabase } from './database.ts';
import { importDictionary } from './dictionary/import.ts';
import { dictionaryVectorizer } from './dictionary/meaning.ts';
import { type Manifest, loadManifest } from './dictionary/payload.ts';
import { follow } from './follow.ts';
import { keepNotes } from './notes/notes.ts';
import { findLack, hasSimd } from './platform.ts';
import { serviceWorkerInControl } from './pwa.ts';
import {
  blocked,
  bytesOnDisk,
  database,
  evicted,
  failed,
  fault,
  finished,
  lack,
  model as modelStage,
  noteVectors,
  notePaused,
  running,
  settled,
  text,
  vectors,
} from './state.ts';

const NO_SIMD = 'this browser lacks WebAssembly SIMD: search by words works';
const MODEL_BYTES = 22_972_370;
/** Set when all of the dictionary's text is stored: then the model need not wait for it. */
const COMPLETE_KEY = 'heddle-demo-complete';

const model = minilm({
  model: '/model/model_quantized.onnx',
  tokenizer: '/model/tokenizer.json',
  tokenizerConfig: '/model/tokenizer_config.json',
  wasm: wasmUrl,
});

export async function boot(): Promise<void> {
  // Looked for while the database opens; what it finds takes the page's place.
  const looked = findLack().then((found) => (lack.value = found));
  const complete = localStorage.getItem(COMPLETE_KEY) !== null;
  let manifest: Promise<Manifest> | null = null;
  const manifestOnce = () => (manifest ??= loadManifest());
  try {
    const opening = openDatabase(dictionaryVectorizer(model, manifestOnce), model, {
      onBlocked: () => (blocked.value = true),
      onEvicted: () => (evicted.value = true),
    });
    if (complete) void loadModel();
    const demo = await opening;
    blocked.value = false;
    database.value = 'ready';
    keepAnswering(demo);
    void keepNotes(demo);
    void followNotes(demo);
    tellSize(demo);
    await bringText(demo, manifestOnce);
    if (!complete) void loadModel();
    if (!hasSimd()) return void (vectors.value = failed(vectors.value, NO_SIMD));
    await demo.words.vectorizing.resume();
    void follow(demo.words, vectors);
  } catch (error) {
    if (database.value === 'opening') {
      await looked;
      database.value = 'failed';
    }
    fault.value = error instanceof Error ? error.message : String(error);
  }
}

async function bringText({ words }: DemoDatabase, manifest: () => Promise<Manifest>): Promise<void> {
  const stored = await words.length();
  if (localStorage.getItem(COMPLETE_KEY) === String(stored)) {
    text.value = finished(stored);
    return;
  }
  try {
    await words.vectorizing.pause();
    await importDictionary(words, manifest, { onProgress: (done, total) => (text.value = running(done, total)) });
    const total = await words.length();
    localStorage.setItem(COMPLETE_KEY, String(total));
    text.value = finished(total);
  } catch (error) {
    text.value = failed(text.value, error);
    addEventListener('online', () => void bringText({ words } as DemoDatabase, manifest), { once: true });
    throw error;
  }
}

async function loadModel(): Promise<void> {
  if (!hasSimd()) {
    modelStage.value = failed(modelStage.value, NO_SIMD);
    return;
  }
  modelStage.value = running(0, MODEL_BYTES);
  try {
    await serviceWorkerInControl();
    await model.load({ onProgress: (loaded) => (modelStage.value = running(Math.min(loaded, MODEL_BYTES), MODEL_BYTES)) });
    modelStage.value = finished(MODEL_BYTES);
  } catch (error) {
    modelStage.value = failed(modelStage.value, error);
    addEventListener('online', () => void loadModel(), { once: true });
  }
}

async function followNotes({ passages }: DemoDatabase): Promise<void> {
  notePaused.value = (await passages.vectorizing.status()).paused;
  await follow(passages, noteVectors);
}

/** Bytes of the database, for the footer; asked once everything is there. */
function tellSize({ db }: DemoDatabase): void {
  const stop = effect(() => {
    if (!settled.value) return;
    void db.storage().then(({ diskBytes }) => (bytesOnDisk.value = diskBytes));
    queueMicrotask(() => stop());
  });
}
