/** Keeps a stage in step with a collection's vectorizing while it goes on; no timer runs when all is done, or while it is held. */
import type { Signal } from '@preact/signals';
import { type Stage, failed, finished, running } from './state.ts';

const LOOK_MS = 400;

/** The part of a collection that is followed. */
export interface Vectorizing {
  readonly vectorizing: { status(): Promise<{ readonly done: number; readonly total: number; readonly paused: boolean }> };
}

const followed = new WeakSet<Signal<Stage>>();

/** Resolves when all is done or held; called again meanwhile, it leaves the work to the call that is on it. */
export async function follow({ vectorizing }: Vectorizing, stage: Signal<Stage>): Promise<void> {
  if (followed.has(stage)) return;
  followed.add(stage);
  try {
    for (;;) {
      const { done, total, paused } = await vectorizing.status();
      if (done >= total) return void (stage.value = finished(total));
      stage.value = running(done, total);
      if (paused) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } catch (error) {
    stage.value = failed(stage.value, error);
  } finally {
    followed.delete(stage);
  }
}
