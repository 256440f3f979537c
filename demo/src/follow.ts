/** Keeps a stage in step with a collection's vectorizing, until all of it is done; no timer runs after that. */
import type { Signal } from '@preact/signals';
import { type Stage, finished, running } from './state.ts';

const LOOK_MS = 400;

/** The part of a collection that is followed. */
export interface Vectorizing {
  readonly vectorizing: { status(): Promise<{ readonly done: number; readonly total: number }> };
}

export async function follow({ vectorizing }: Vectorizing, stage: Signal<Stage>): Promise<void> {
  for (;;) {
    const { done, total } = await vectorizing.status();
    if (done >= total) {
      stage.value = finished(total);
      return;
    }
    stage.value = running(done, total);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
