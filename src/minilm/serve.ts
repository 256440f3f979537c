/** The worker's side of `heddle/minilm`: boots the model once and answers messages until the page ends the worker. */
import { HeddleError } from '../core/errors.ts';
import { createEmbedQueue } from './embed-queue.ts';
import { DIMENSIONS, type FromWorker, type ToWorker } from './messages.ts';
import { type Model, loadModel } from './model.ts';

/** What of a worker's global scope is used. */
export interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}

export function serveMinilm(scope: Scope): void {
  const post = (message: FromWorker, transfer: Transferable[] = []) => scope.postMessage(message, transfer);
  const plain = (thrown: unknown) => HeddleError.from(thrown, 'VectorizerFailed').toPlain();
  let model: Promise<Model> | null = null;

  const queue = createEmbedQueue(
    DIMENSIONS,
    async (text) => {
      if (model === null) throw new HeddleError('VectorizerFailed', 'minilm: asked to embed before it was booted');
      return (await model).embed(text);
    },
    (id, outcome) => {
      if ('thrown' in outcome) post({ kind: 'refused', id, error: plain(outcome.thrown) });
      else post({ kind: 'embedded', id, vectors: outcome.vectors }, [outcome.vectors.buffer]);
    },
  );

  const boot = async ({ urls, threads }: ToWorker & { kind: 'boot' }) => {
    try {
      model = loadModel(urls, threads, (loadedBytes, totalBytes) => post({ kind: 'progress', loadedBytes, totalBytes }));
      await model;
      post({ kind: 'ready' });
    } catch (thrown) {
      // The page ends this worker and rejects every open call.
      post({ kind: 'failed', error: plain(thrown) });
    }
  };

  scope.onmessage = ({ data: message }) => {
    if (message.kind === 'boot') void boot(message);
    else if (message.kind === 'embed') queue.add(message);
    else queue.cancel(message.id);
  };
}
