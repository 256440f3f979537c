/** The page under test: starts the worker that writes. The witness's address is in the URL. */
const worker = new Worker(new URL('./writer.worker.ts', import.meta.url), { type: 'module' });
worker.postMessage({ witness: new URLSearchParams(location.search).get('witness') });
