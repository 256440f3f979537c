/**
 * What the passes of a job took on the GPU itself, by its own clock: without round trip, messaging and the wait for other work.
 *
 * A batch marks its first pass and, anew with each, its last one; when it reads its results, the time between is added up. Jobs run one at
 * a time, so that two timestamps are enough. Browsers round timestamps to 0.1 ms.
 */
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x4;

/** Bytes of the two timestamps. */
export const TIMER_BYTES = 16;

export class PassTimer {
  readonly resolved: GPUBuffer;
  /** Milliseconds of all passes since `restart`. */
  workMs = 0;
  private readonly set: GPUQuerySet;

  constructor(device: GPUDevice) {
    this.set = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.resolved = device.createBuffer({ size: TIMER_BYTES, usage: QUERY_RESOLVE | COPY_SRC });
  }

  restart(): void {
    this.workMs = 0;
  }

  /** For the descriptor of a pass. */
  writes(isFirst: boolean): GPUComputePassTimestampWrites {
    return { querySet: this.set, ...(isFirst && { beginningOfPassWriteIndex: 0 }), endOfPassWriteIndex: 1 };
  }

  /** Puts the two into `resolved`. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.set, 0, 2, this.resolved, 0);
  }

  /** Takes what `resolved` held. */
  add(contents: ArrayBuffer): void {
    const [begin, end] = new BigUint64Array(contents);
    // A clock that was set back says nothing.
    if (end > begin) this.workMs += Number(end - begin) / 1e6;
  }
}
