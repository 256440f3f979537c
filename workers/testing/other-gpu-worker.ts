/** Makes a coordinator worker start the GPU worker of this folder. Its own name says how that one is to be (`gpu-faults.ts`). */
export {};

const { Worker: RealWorker } = self;
self.Worker = class extends RealWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    const isGpu = options?.name === 'heddle gpu';
    super(isGpu ? new URL('./gpu.worker.ts', import.meta.url) : url, isGpu ? { ...options, name: self.name } : options);
  }
};
