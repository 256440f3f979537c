/**
 * A database in a browser: finds out what is left of it on this device, starts an engine worker for each directory, opens the
 * coordinator over them. Runs in the coordinator worker.
 */
import { wrap, transfer } from 'comlink';
import { systemClock, systemRandom, type Logger } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { GpuWorkerStarter } from '../gpu/gpu-worker-starter.ts';
import { lockNames, type BootOptions, type EngineWorkerApi } from '../protocol/owner-api.ts';
import { databaseVfs, findDatabase, markOpened, markSettled, statusOf, type DatabaseStatus } from '../vfs/database-files.ts';
import { openIdbMirror } from '../vfs/mirror-idb.ts';
import { Coordinator } from './coordinator.ts';
import { defaultEngines, engineCountOf, engineDirectory } from './engine-directories.ts';
import { engineLost, type EngineProcess } from './engine.ts';
import { remoteHost } from './host-port.ts';

export interface WorkerEnvironment {
  readonly locks: LockManager;
  readonly cores: number;
  spawnEngine(): Worker;
  spawnGpu(): Worker;
}

export async function openInWorkers(options: BootOptions, environment: WorkerEnvironment): Promise<Coordinator> {
  // Its script loads while the traces of the database are looked for.
  const early = [new EngineThread(environment)];
  try {
    return await openOver(early, options, environment);
  } catch (thrown) {
    for (const thread of early) thread.worker.terminate();
    throw thrown;
  }
}

async function openOver(early: EngineThread[], options: BootOptions, environment: WorkerEnvironment): Promise<Coordinator> {
  const { name, storage, durability, allowEvicted } = options;
  const stored = storage === 'opfs';
  const status: DatabaseStatus = stored ? statusOf(await findDatabase(name)) : 'new';
  if (status === 'evicted' && !allowEvicted)
    throw new HeddleError('Evicted', `database "${name}" was on this device and its files are gone`, {
      hint: 'The browser or the user deleted the data. Pass onEvicted to start with an empty database, and call db.persist() early.',
      details: { name },
    });
  const wanted = options.engines ?? defaultEngines(environment.cores);
  const engineCount = !stored
    ? wanted
    : status === 'mirrored'
      ? await mirroredEngines(name)
      : await engineCountOf(databaseVfs(name), wanted);
  let coordinator: Coordinator | null = null;
  const logger: Logger = { log: (level, message, fields) => coordinator?.log(level, message, fields) };
  // Only the first start may find nothing; an engine that is started again must find what it left.
  const made = new Set<number>();
  const gpu = new GpuWorkerStarter(options.gpu ?? 'auto', environment.spawnGpu);
  const startEngine = async (index: number): Promise<EngineProcess> => {
    const thread = early.pop() ?? new EngineThread(environment);
    const process = await startEngineWorker(thread, options, index, made.has(index), environment.locks, gpu.port());
    if (stored) made.add(index);
    return process;
  };
  coordinator = await Coordinator.open({
    startEngine,
    engineCount,
    durability,
    evicted: status === 'evicted',
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  if (stored) {
    const marked = markOpened(name, systemClock);
    if (status === 'new' || status === 'evicted') await marked;
    marked
      .then(() => coordinator.settled())
      .then(() => markSettled(name, systemClock))
      .catch((thrown: unknown) => logger.log('warn', 'the database could not be marked as settled', { cause: String(thrown) }));
  }
  return coordinator;
}

/** After a power cut in the first minute only the mirror knows how many engines there were. */
async function mirroredEngines(name: string): Promise<number> {
  const mirror = await openIdbMirror(name, '');
  try {
    const streams = await mirror.streams();
    let count = 1;
    while (streams.some((stream) => stream.startsWith(`${engineDirectory(count)}/`))) count++;
    return count;
  } finally {
    mirror.close();
  }
}

/** A worker whose script is loading, and the promise that tells if it fails; listened to from the start, lest the news be missed. */
class EngineThread {
  readonly worker: Worker;
  readonly crashed: Promise<HeddleError>;

  constructor(environment: WorkerEnvironment) {
    const worker = environment.spawnEngine();
    this.worker = worker;
    this.crashed = new Promise((resolve) => {
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(new HeddleError('StorageUnavailable', `an engine worker failed: ${event.message || 'its script could not be loaded'}`));
      };
    });
  }
}

async function startEngineWorker(
  { worker, crashed }: EngineThread,
  { name, storage, durability, salvage }: BootOptions,
  index: number,
  mustExist: boolean,
  locks: LockManager,
  gpu: MessagePort | null,
): Promise<EngineProcess> {
  const { port1, port2 } = new MessageChannel();
  const lifeLock = lockNames.engine(name, index, uuidText(systemRandom.fill(new Uint8Array(16))));
  const api = wrap<EngineWorkerApi>(worker);
  const booted = await Promise.race([
    api.boot({ name, index, storage, durability, mustExist, salvage, lifeLock }, transfer(port2, [port2]), gpu && transfer(gpu, [gpu])),
    crashed.then((error) => error.toPlain()),
  ]);
  if (booted !== null) {
    worker.terminate();
    throw HeddleError.fromPlain(booted);
  }
  const remote = remoteHost(port1);
  // The worker holds this lock as long as it lives, however it ends.
  const vanished = locks.request(lifeLock, () => new HeddleError('StorageUnavailable', `engine worker ${index} ended`));
  const died = Promise.race([crashed, vanished]).catch((thrown: unknown) => HeddleError.from(thrown));
  const end = (reason: HeddleError): void => {
    worker.terminate();
    remote.close(engineLost(index, reason));
  };
  void died.then(end);
  return {
    host: remote.host,
    died,
    ping: remote.ping,
    kill: async () => end(new HeddleError('StorageUnavailable', `engine worker ${index} was ended`)),
  };
}
