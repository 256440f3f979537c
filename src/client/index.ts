/**
 * The package's entry in browsers: `import { connect } from 'heddle'`.
 *
 * ```ts
 * const db = await connect('my-app');
 * const notes = await db.collections.ensure('Note', { properties: { title: 'text', body: 'text' } });
 * await notes.data.insert({ title: 'Leaky tap', body: 'Call the plumber' });
 * const { objects } = await notes.query.bm25('plumber');
 * ```
 */
import { connectOver } from './connect-over.ts';
import type { Database } from './database.ts';
import type { ConnectOptions } from './options.ts';
import { browserTransport } from './browser-transport.ts';

export * from './api.ts';

/** Opens the database `name`, making it where there is none. Tabs of one origin that open the same name share it. */
export function connect(name: string, options: ConnectOptions = {}): Promise<Database> {
  return connectOver(name, options, (attach, fail, connection) => browserTransport(name, options, connection, attach, fail));
}
