/** What a test tells the GPU worker of `workers/testing`: at its start by its name, later over a channel. */
export interface TestGpu {
  /** Name of the BroadcastChannel for orders. */
  readonly channel: string;
  /** What the adapter says it is, so that it is not known as a software one; null: as it is. */
  readonly card: string | null;
  /** A piece of shaders, and what stands there instead. */
  readonly shader: readonly [right: string, wrong: string] | null;
}

/** `lose`: the device is destroyed after the next submission. `fill`: the driver has no memory for what is asked from here on. */
export type TestGpuOrder = 'lose' | 'fill' | 'mend';
