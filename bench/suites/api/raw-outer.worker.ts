/** Stands where the coordinator stands, and only passes messages on. */
const inner = new Worker(new URL('./raw-inner.worker.ts', import.meta.url), { type: 'module' });
const { port1, port2 } = new MessageChannel();
inner.postMessage(null, [port2]);
port1.onmessage = ({ data }) => self.postMessage(data);
self.onmessage = ({ data }) => port1.postMessage(data);
