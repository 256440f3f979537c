/**
 * The GPU backend across a MessagePort: engine workers call the GPU worker's.
 *
 * A request is `[id, method, arguments]`, an answer `[id, result]`; bulk arrays are transferred to the GPU worker and back. A
 * port that closes or a worker that dies leaves no call hanging: `closed` settles all of them with null, which means "the CPU".
 */
import type { GpuBackend, GpuStatus } from './gpu-backend.ts';

type Method = Exclude<keyof GpuBackend, 'close'>;
type Request = readonly [id: number, method: Method, args: readonly unknown[]];
type Answer = readonly [id: number, result: unknown];

const METHODS: ReadonlySet<string> = new Set<Method>([
  'status', 'plan', 'openTable', 'isOpen', 'append', 'remove', 'setGraph', 'dropTable', 'searchExact', 'searchGraph', 'build', 'trainCentroids',
]);

/** Serves `backend` on a port until it is closed. */
export function serveGpu(port: MessagePort, backend: GpuBackend): void {
  port.onmessage = (event: MessageEvent<Request>): void => {
    const [id, method, args] = event.data;
    void answer(backend, method, args).then((result) => port.postMessage([id, result] satisfies Answer, buffersOf(result)));
  };
}

async function answer(backend: GpuBackend, method: Method, args: readonly unknown[]): Promise<unknown> {
  if (!METHODS.has(method)) return null;
  try {
    return await (backend[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
  } catch {
    return null; // the backend's promise is that nothing throws; whatever does is the CPU's to answer
  }
}

/** The array buffers of a result, or of arguments, to be transferred. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (part: unknown): void => {
    if (ArrayBuffer.isView(part)) {
      if (part.buffer instanceof ArrayBuffer) buffers.add(part.buffer);
    } else if (typeof part === 'object' && part !== null) for (const inner of Object.values(part)) visit(inner);
  };
  visit(value);
  return [...buffers];
}

export interface GpuConnection {
  readonly backend: GpuBackend;
  /** Settles every call with null, now and from here on: the worker is gone. */
  closed(): void;
}

/** The status of a worker that is gone. */
const GONE: GpuStatus = {
  state: 'lost', mode: 'auto', adapter: null, costs: null, memoryBytes: 0, memoryBytesMax: 0, tables: 0, kernelsChecked: 0, kernelsWrong: [],
  jobsRun: 0, jobsDeclined: 0, jobsFailed: 0, devicesLost: 0, lastFailure: 'the GPU worker is gone',
};

/** Calls the backend behind `port`. Arrays given to `append`, `setGraph` and `trainCentroids` are transferred: gone afterwards. */
export function connectGpu(port: MessagePort): GpuConnection {
  const waiting = new Map<number, (result: unknown) => void>();
  let isClosed = false;
  let nextId = 1;
  port.onmessage = (event: MessageEvent<Answer>): void => {
    const [id, result] = event.data;
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  const call = <T>(method: Method, args: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<T> => {
    if (isClosed) return Promise.resolve(null as T);
    const id = nextId++;
    return new Promise<T>((resolve) => {
      waiting.set(id, resolve as (result: unknown) => void);
      port.postMessage([id, method, args] satisfies Request, transfer);
    });
  };
  const closed = (): void => {
    isClosed = true;
    for (const resolve of waiting.values()) resolve(null);
    waiting.clear();
    port.close();
  };
  const backend: GpuBackend = {
    status: async () => (await call<GpuStatus | null>('status', [])) ?? GONE,
    plan: async (job) => (await call<Awaited<ReturnType<GpuBackend['plan']>> | null>('plan', [job])) ?? { useGpu: false, gpuMs: null, cpuMs: job.cpuMs, reason: 'the GPU worker is gone' },
    openTable: (spec) => call('openTable', [spec]),
    isOpen: async (table) => (await call<boolean | null>('isOpen', [table])) ?? false,
    append: async (table, docIDs, rows) => (await call<boolean | null>('append', [table, docIDs, rows], buffersOf([docIDs, rows]))) ?? false,
    remove: async (table, docIDs) => (await call<boolean | null>('remove', [table, docIDs])) ?? false,
    setGraph: async (table, view) => (await call<boolean | null>('setGraph', [table, view], buffersOf(view))) ?? false,
    dropTable: (table) => call('dropTable', [table]),
    searchExact: (request) => call('searchExact', [request]),
    searchGraph: (request) => call('searchGraph', [request]),
    build: (request) => call('build', [request]),
    trainCentroids: (job) => call('trainCentroids', [job], buffersOf(job)),
    close: async () => closed(),
  };
  return { backend, closed };
}
