/** Opens a database over whatever leads to its owner: workers in a browser, a coordinator in the same thread in Node. */
import { HeddleError } from '../core/errors.ts';
import type { FramePort } from '../protocol/frames.ts';
import { Connection } from './connection.ts';
import { Database } from './database.ts';
import type { ConnectOptions } from './options.ts';

/**
 * Finds the owner and calls `attach` with a port to it, again whenever the owner changes; `fail` when there will be none. Returns how
 * to end what it set up.
 */
export type Transport = (
  attach: (port: FramePort) => void,
  fail: (error: HeddleError) => void,
  connection: Connection,
) => () => Promise<void>;

const OPEN_TIMEOUT_MS = 120_000;

export async function connectOver(name: string, options: ConnectOptions, transport: Transport): Promise<Database> {
  const { signal, logger, vectorizers = [], timeoutMs = OPEN_TIMEOUT_MS } = options;
  if (typeof name !== 'string' || name === '')
    throw new HeddleError('InvalidInput', 'connect: the database needs a name', { details: { property: 'name', value: name } });
  const connection = new Connection(name);
  for (const vectorizer of vectorizers) connection.vectorizers.set(vectorizer.id, vectorizer);
  if (logger !== undefined) connection.on('log', ({ level, message, fields }) => logger(level, message, fields));
  let stop = (): Promise<void> => Promise.resolve();
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new HeddleError('Timeout', `database "${name}" did not open within ${timeoutMs} ms`, {
              hint: 'Another tab may hold it without answering; close it and try again.',
            }),
          ),
        timeoutMs,
      );
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        how();
      };
      const abort = (): void => settle(() => reject(new HeddleError('Aborted', 'connect was aborted', { cause: signal?.reason })));
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort);
      const attach = (port: FramePort): void => {
        connection.attach(port).then(
          ({ evicted }) => {
            if (evicted) options.onEvicted?.();
            settle(resolve);
          },
          (thrown: unknown) => {
            // The owner changed while it was greeted: the next one is greeted in its turn.
            const error = HeddleError.from(thrown);
            if (error.code === 'LeaderChanged') return;
            connection.caller.close(error);
            settle(() => reject(error));
          },
        );
      };
      stop = transport(attach, (error) => settle(() => reject(error)), connection);
    });
  } catch (thrown) {
    connection.close();
    await stop();
    throw thrown;
  }
  return new Database(connection, stop);
}
