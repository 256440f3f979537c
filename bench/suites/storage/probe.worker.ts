/**
 * An engine worker that commits 1 KB records and answers a query every millisecond meanwhile: once flushing on its own thread,
 * once through a log worker. Posts the milliseconds of commits and of queries, waiting included.
 */
import { openProbeLog } from './probe-file.ts';

export interface ProbeResult {
  readonly way: 'own thread' | 'log worker';
  readonly commitMs: readonly number[];
  readonly queryMs: readonly number[];
}

const COMMITS = 400;
const QUERY_MS = 0.2;

/** Queries that arrive every millisecond and take `QUERY_MS` each; `stop` gives how long each took from its arrival. */
function queries(): { stop(): number[] } {
  const taken: number[] = [];
  const channel = new MessageChannel();
  let due = performance.now();
  let isRunning = true;
  channel.port1.onmessage = () => {
    const now = performance.now();
    if (now >= due) {
      const until = now + QUERY_MS;
      while (performance.now() < until);
      taken.push(performance.now() - due);
      due = Math.max(due + 1, now);
    }
    if (isRunning) channel.port2.postMessage(null);
  };
  channel.port2.postMessage(null);
  return { stop: () => ((isRunning = false), taken) };
}

async function measure(way: ProbeResult['way'], commit: () => Promise<void>): Promise<ProbeResult> {
  for (let i = 0; i < 20; i++) await commit();
  const running = queries();
  const commitMs: number[] = [];
  for (let i = 0; i < COMMITS; i++) {
    const started = performance.now();
    await commit();
    commitMs.push(performance.now() - started);
    await nextMessage();
  }
  return { way, commitMs, queryMs: running.stop() };
}

function nextMessage(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
}

onmessage = async () => {
  const handle = await openProbeLog('probe-own-thread');
  const record = new Uint8Array(1024).fill(7);
  let at = 0;
  const own = async (): Promise<void> => {
    handle.write(record, { at });
    at = (at + record.length) % (2 << 20);
    handle.flush();
  };
  const log = new Worker(new URL('./probe-log.worker.ts', import.meta.url), { type: 'module' });
  const ask = (message: unknown): Promise<void> =>
    new Promise((resolve) => {
      log.onmessage = () => resolve();
      log.postMessage(message);
    });
  await ask('open');
  const results: ProbeResult[] = [];
  for (let round = 0; round < 3; round++) {
    results.push(await measure('own thread', own));
    results.push(await measure('log worker', () => ask(record)));
  }
  handle.close();
  postMessage(results);
};
