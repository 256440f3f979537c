/** The damage that a host has met: one line each for people, and the containers for the manifest. */
import type { Logger } from '../core/clock.ts';
import type { Manifest, ShardManifest } from './manifest.ts';

export class DamageList {
  private readonly logger: Logger;
  private met: string[];
  private readonly reasons: Map<number, string>;

  /** `notes`: what opening met; `quarantined`: what the manifest knows. */
  constructor(notes: readonly string[], quarantined: Manifest['quarantined'], logger: Logger) {
    this.logger = logger;
    this.met = [...notes, ...quarantined.map(({ container, reason }) => lineOf(container, reason))];
    this.reasons = new Map(quarantined.map(({ container, reason }) => [container, reason]));
  }

  get lines(): readonly string[] {
    return [...this.met];
  }

  note(container: number, reason: string): void {
    const line = lineOf(container, reason);
    if (this.met.includes(line)) return;
    this.met.push(line);
    this.reasons.set(container, reason);
    this.logger.log('error', `damaged: ${line}`, { container });
  }

  /** Nothing names the container any more. */
  forget(container: number): void {
    const reason = this.reasons.get(container);
    if (reason === undefined) return;
    this.reasons.delete(container);
    const start = lineOf(container, '');
    this.met = this.met.filter((line) => !line.startsWith(start));
  }

  /** Those that `shards` still name. */
  quarantined(shards: readonly ShardManifest[]): Manifest['quarantined'] {
    const named = new Set(shards.flatMap((shard) => [...shard.containers, ...shard.columns].map((ref) => ref.id)));
    return [...this.reasons].filter(([id]) => named.has(id)).map(([container, reason]) => ({ container, reason }));
  }
}

const lineOf = (container: number, reason: string): string => `segment ${container}: ${reason}`;
