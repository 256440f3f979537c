/**
 * A frame port over a `BroadcastChannel` shared by all tabs, where there is no SharedWorker to introduce ports. Everything is cloned and
 * reaches every tab, which throws away what is not addressed to it: slow for vectors, but it works everywhere.
 */
import type { FramePort } from './frames.ts';

/** The part of `BroadcastChannel` that is used. */
export interface Broadcast {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

export interface Letter {
  readonly from: string;
  /** Null: to whoever listens. */
  readonly to: string | null;
  readonly kind: 'frames' | 'join' | 'welcome' | 'lead';
  readonly body?: unknown;
}

export class BroadcastPort implements FramePort {
  onmessage: ((event: MessageEvent) => void) | null = null;
  private readonly channel: Broadcast;
  private readonly self: string;
  private readonly peer: string;

  constructor(channel: Broadcast, self: string, peer: string) {
    this.channel = channel;
    this.self = self;
    this.peer = peer;
    channel.addEventListener('message', this.listen);
  }

  postMessage(message: unknown): void {
    this.channel.postMessage({ from: this.self, to: this.peer, kind: 'frames', body: message } satisfies Letter);
  }

  close(): void {
    this.channel.removeEventListener('message', this.listen);
  }

  private readonly listen = (event: MessageEvent): void => {
    const { from, to, kind, body } = event.data as Letter;
    if (kind === 'frames' && to === this.self && from === this.peer) this.onmessage?.({ data: body } as MessageEvent);
  };
}
