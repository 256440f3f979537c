/**
 * Two frame ports joined within one thread, for the engine in-process (Node, tests, `memory` without workers). Messages are
 * handed over, not cloned, in a microtask of their own; whoever sends a buffer gives it up.
 */
import type { FramePort } from './frames.ts';

class LocalPort implements FramePort {
  onmessage: ((event: MessageEvent) => void) | null = null;
  peer: LocalPort | null = null;
  private inbox: unknown[] = [];
  private draining = false;

  postMessage(message: unknown): void {
    this.peer?.deliver(message);
  }

  close(): void {
    if (this.peer !== null) this.peer.peer = null;
    this.peer = null;
  }

  private deliver(message: unknown): void {
    this.inbox.push(message);
    if (this.draining) return;
    this.draining = true;
    queueMicrotask(() => this.drain());
  }

  private drain(): void {
    this.draining = false;
    const { inbox } = this;
    this.inbox = [];
    for (const message of inbox) this.onmessage?.({ data: message } as MessageEvent);
  }
}

/** Both ends of a new channel. */
export function localChannel(): [FramePort, FramePort] {
  const left = new LocalPort();
  const right = new LocalPort();
  left.peer = right;
  right.peer = left;
  return [left, right];
}
