/**
 * Gathers the frames of one turn and posts them as one message: a message costs some 20 µs to cross, a frame inside it next to
 * nothing. A frame waits for the microtasks of its turn, never for a timer.
 */
import type { Frame, FramePort } from './frames.ts';

/** Chains of promises this deep still join the message of their turn. */
const SETTLING_TICKS = 6;

export class Outbox {
  private readonly port: FramePort;
  /** Told of a frame that can't be cloned (a function in a config, say); the others of its message are sent. */
  private readonly onUnsendable: (frame: Frame, error: unknown) => void;
  private frames: Frame[] = [];
  private transfer: Transferable[] = [];
  private scheduled = false;
  private ticks = 0;

  constructor(port: FramePort, onUnsendable: (frame: Frame, error: unknown) => void) {
    this.port = port;
    this.onUnsendable = onUnsendable;
  }

  /** `transfer`: buffers inside the frame that move instead of being copied. */
  push(frame: Frame, transfer?: readonly Transferable[]): void {
    this.frames.push(frame);
    if (transfer !== undefined) for (const item of transfer) this.transfer.push(item);
    if (this.scheduled) return;
    this.scheduled = true;
    this.ticks = 0;
    queueMicrotask(this.tick);
  }

  private readonly tick = (): void => {
    if (++this.ticks < SETTLING_TICKS) queueMicrotask(this.tick);
    else this.flush();
  };

  flush(): void {
    this.scheduled = false;
    if (this.frames.length === 0) return;
    const { frames, transfer } = this;
    this.frames = [];
    this.transfer = [];
    try {
      this.port.postMessage(frames, transfer);
    } catch {
      // Nothing of it was sent: find the frame that is at fault by sending them one by one.
      for (const frame of frames) this.sendAlone(frame);
    }
  }

  private sendAlone(frame: Frame): void {
    try {
      this.port.postMessage([frame], []);
    } catch (error) {
      this.onUnsendable(frame, error);
    }
  }
}
