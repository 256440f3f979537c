/**
 * The GPU backend across a MessagePort: engine workers call the GPU worker's.
 *
 * A request is `[id, method, arguments]`, an answer `[id, result]`; bulk arrays are transferred to the GPU worker and back.
 *
 * No call hangs: one that is not answered within `CALL_MS_MAX` (building and training: `LONG_CALL_MS_MAX`) means that the worker
 * is gone; it and all others, then and later, settle with null, which means "the CPU". `closed` does the same at once.
 */
import type { GpuBackend, GpuJobSize, GpuStatus } from './gpu-backend.ts';

type Method = Exclude<keyof GpuBackend, 'close'>;
export type GpuRequest = readonly [id: number, method: Method, args: readonly unknown[]];
type Answer = readonly [id: number, result: unknown];

const METHODS: readonly Method[] = [
  'status',
  'plan',
  'openTable',
  'isOpen',
  'append',
  'remove',
  'patchGraph',
  'dropTable',
  'searchExact',
  'searchGraph',
  'build',
  'trainCentroids',
];
/** What these are given is gone afterwards. `plan` and others take nothing that is worth it. */
const TRANSFERRED: ReadonlySet<Method> = new Set<Method>(['append', 'patchGraph', 'searchExact', 'searchGraph', 'trainCentroids']);

/** Long enough for a first job, which opens the adapter, measures it and compiles. */
export const CALL_MS_MAX = 60_000;
export const LONG_CALL_MS_MAX = 600_000;
const LONG: ReadonlySet<Method> = new Set<Method>(['build', 'trainCentroids']);

/** Serves `backend` on a port until it is closed. `first`: requests that were taken from the port before. */
export function serveGpu(port: MessagePort, backend: GpuBackend, first: readonly GpuRequest[] = []): void {
  const serve = ([id, method, args]: GpuRequest): void => {
    void answer(backend, method, args).then((result) => port.postMessage([id, result] satisfies Answer, buffersOf(result)));
  };
  first.forEach(serve);
  port.onmessage = (event: MessageEvent<GpuRequest>): void => serve(event.data);
}

async function answer(backend: GpuBackend, method: Method, args: readonly unknown[]): Promise<unknown> {
  if (!METHODS.includes(method)) return null;
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
  state: 'lost',
  mode: 'auto',
  adapter: null,
  costs: null,
  memoryBytes: 0,
  memoryBytesMax: 0,
  tables: 0,
  kernelsChecked: 0,
  kernelsWrong: [],
  jobsRun: 0,
  jobsDeclined: 0,
  jobsFailed: 0,
  devicesLost: 0,
  lastFailure: 'the GPU worker is gone',
};

/** The answer of a worker that is gone. */
function settledAs(method: Method, args: readonly unknown[]): unknown {
  if (method === 'status') return GONE;
  if (method === 'plan') return { useGpu: false, gpuMs: null, cpuMs: (args[0] as GpuJobSize).cpuMs, reason: GONE.lastFailure };
  return BOOLEAN.has(method) ? false : null;
}
const BOOLEAN: ReadonlySet<Method> = new Set<Method>(['isOpen', 'append', 'remove', 'patchGraph']);

/** Calls the backend behind `port`. */
export function connectGpu(port: MessagePort): GpuConnection {
  const waiting = new Map<number, { readonly resolve: (result: unknown) => void; readonly timer: ReturnType<typeof setTimeout> }>();
  let isClosed = false;
  let nextId = 1;
  port.onmessage = (event: MessageEvent<Answer>): void => {
    const [id, result] = event.data;
    const call = waiting.get(id);
    if (!call) return;
    clearTimeout(call.timer);
    waiting.delete(id);
    call.resolve(result);
  };
  const call = <T>(method: Method, args: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<T> => {
    if (isClosed) return Promise.resolve(null as T);
    const id = nextId++;
    return new Promise<T>((resolve) => {
      const timer = setTimeout(closed, LONG.has(method) ? LONG_CALL_MS_MAX : CALL_MS_MAX);
      waiting.set(id, { resolve: resolve as (result: unknown) => void, timer });
      port.postMessage([id, method, args] satisfies GpuRequest, transfer);
    });
  };
  function closed(): void {
    isClosed = true;
    for (const { resolve, timer } of waiting.values()) {
      clearTimeout(timer);
      resolve(null);
    }
    waiting.clear();
    port.close();
  }
  const forward = METHODS.map((method) => [
    method,
    async (...args: readonly unknown[]) =>
      (await call(method, args, TRANSFERRED.has(method) ? buffersOf(args) : [])) ?? settledAs(method, args),
  ]);
  const backend = { ...Object.fromEntries(forward), close: async () => closed() } as GpuBackend;
  return { backend, closed };
}
