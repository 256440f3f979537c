/** What runs in an engine thread in Node: opens its host of shards and serves it on the port it was given. */
import { systemClock, systemRandom } from '../core/clock.ts';
import { HeddleError, type PlainError } from '../core/errors.ts';
import type { FramePort } from '../protocol/frames.ts';
import { ShardHost } from '../shard/engine-host.ts';
import type { Vfs } from '../vfs/vfs.ts';
import { serveHost } from './host-port.ts';

export interface EngineThreadOptions {
  readonly durability: 'strict' | 'relaxed';
  /** The database was made before. */
  readonly mustExist: boolean;
  readonly salvage?: boolean;
}

/** From an engine thread to the one that started it: first how opening went, then whatever it logs. */
export type EngineThreadMessage =
  | { readonly kind: 'booted'; readonly error: PlainError | null }
  | { readonly kind: 'log'; readonly level: string; readonly message: string; readonly fields: unknown };

export interface EngineThreadEnvironment {
  /** The engine's own directory. */
  readonly vfs: Vfs;
  readonly port: FramePort;
  tell(message: EngineThreadMessage): void;
  /** Ends this thread. */
  end(): void;
}

export async function runEngineThread(
  { durability, mustExist, salvage }: EngineThreadOptions,
  environment: EngineThreadEnvironment,
): Promise<void> {
  const { vfs, port, tell, end } = environment;
  try {
    const host = await ShardHost.open({
      vfs,
      mirror: null,
      clock: systemClock,
      random: systemRandom,
      logger: { log: (level, message, fields) => tell({ kind: 'log', level, message, fields }) },
      durability,
      mustExist,
      salvage,
      defer: (run) => setImmediate(run),
    });
    const onFault = (): void => {
      server.flush();
      end();
    };
    const server = serveHost(port, host, onFault, () => true);
    tell({ kind: 'booted', error: null });
  } catch (thrown) {
    tell({ kind: 'booted', error: HeddleError.from(thrown).toPlain() });
  }
}
