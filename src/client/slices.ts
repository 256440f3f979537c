/**
 * Keeps long work on the page's thread in slices: after `SLICE_MS` it lets the browser paint and handle input before going on.
 * Work shorter than a slice never waits.
 */
const SLICE_MS = 8;

export class Slices {
  private began = performance.now();

  /** Undefined while the slice lasts (no promise is made), else a promise to wait for. */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.began < SLICE_MS) return undefined;
    return nextTask().then(() => {
      this.began = performance.now();
    });
  }
}

/** Resolves in a later task; quicker than a timer, which browsers hold back. */
function nextTask(): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: { yield?: () => Promise<void> } };
  if (scheduler?.yield !== undefined) return scheduler.yield();
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
