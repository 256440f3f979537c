/**
 * When engines do their background work: graph insertion, flushes, merges, repair. One slice at a time, back to back while an
 * engine is idle, with pauses while it serves requests, and nothing at all (no timer) once it reports that nothing is left.
 */
import type { Logger } from '../core/clock.ts';
import type { Engine } from './engine.ts';

/** Long enough to get somewhere, short enough not to be noticed by a query that arrives meanwhile. */
const SLICE_MS = 6;
/** Pause after a slice while requests are with the engine, so that they get most of its time. */
const PAUSE_BUSY_MS = 12;
/** Files settle a minute after their creation; a slice then lets the mirror go. */
const SETTLE_LOOK_MS = 65_000;
/** Graphs are read and segments merged a moment after opening: what someone waits for goes first. */
const OPENING_PAUSE_MS = 200;

export class Background {
  private readonly engine: Engine;
  private readonly logger: Logger;
  private running = false;
  private wanted = false;
  private stopped = false;
  /** Told when the engine has nothing left to do. */
  onIdle: () => void = () => undefined;
  private timer: ReturnType<typeof setTimeout> | ReturnType<typeof setImmediate> | null = null;

  constructor(engine: Engine, logger: Logger) {
    this.engine = engine;
    this.logger = logger;
  }

  /** There may be something to do: called after writes. */
  wake(): void {
    this.wanted = true;
    if (this.running || this.stopped) return;
    this.running = true;
    this.schedule(0);
  }

  /** Soon after opening, and once more when the files can have settled, unless they had; an idle database has no other timer. */
  wakeAfterOpening(settled: Promise<unknown>): void {
    this.wakeWhenQuiet();
    const later = unref(setTimeout(() => this.wake(), SETTLE_LOOK_MS));
    settled.then(
      () => clearTimeout(later),
      () => undefined, // it was closed before
    );
  }

  private wakeWhenQuiet(): void {
    unref(setTimeout(() => (this.engine.inFlight > 0 ? this.wakeWhenQuiet() : this.wake()), OPENING_PAUSE_MS));
  }

  stop(): void {
    this.stopped = true;
  }

  /** Without a pause the next slice follows at once: it crosses to the engine's thread, or in Node lets other events pass first. */
  private schedule(delayMs: number): void {
    const run = (): void => void this.slice();
    if (delayMs > 0) this.timer = setTimeout(run, delayMs);
    else if (typeof setImmediate === 'function') this.timer = setImmediate(run);
    else return queueMicrotask(run);
    unref(this.timer);
  }

  private async slice(): Promise<void> {
    this.timer = null;
    if (this.stopped) return;
    this.wanted = false;
    const busy = this.engine.inFlight > 0;
    let more = false;
    try {
      more = await this.engine.run((host) => host.maintain(SLICE_MS));
    } catch (thrown) {
      this.logger.log('warn', `background work of engine ${this.engine.index} failed`, { cause: String(thrown) });
    }
    if (this.stopped) return;
    if (more || this.wanted) return this.schedule(busy ? PAUSE_BUSY_MS : 0);
    this.running = false;
    this.onIdle();
  }
}

/** In Node a timer of ours must not keep the process alive. */
function unref<T>(timer: T): T {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
