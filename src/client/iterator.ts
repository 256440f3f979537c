/**
 * `collection.iterator()`: every object, in the order of the store, page by page. An object is met at most once; one written while
 * the iteration goes on may or may not be met.
 */
import type { ScanCursor, ScanReply } from '../protocol/coordinator-api.ts';
import type { Handle } from './handle.ts';
import { invalidOption, projectionOf } from './query-options.ts';
import { readObjects } from './results.ts';
import type { CallSettings, StoredObject } from './types.ts';

export interface IteratorSettings<Out, V extends string> extends CallSettings {
  readonly includeVector?: boolean | readonly V[];
  readonly returnProperties?: readonly (keyof Out & string)[];
  /** Objects fetched at a time. */
  readonly pageSize?: number;
}

const PAGE_SIZE = 500;
const PAGE_SIZE_MAX = 10_000;

export async function* iterate<Out extends object, V extends string>(
  handle: Handle,
  settings: IteratorSettings<Out, V> = {},
): AsyncGenerator<StoredObject<Out, V>, void, undefined> {
  const { connection, schema } = handle;
  const { pageSize = PAGE_SIZE, signal, timeoutMs } = settings;
  if (!(Number.isInteger(pageSize) && pageSize > 0 && pageSize <= PAGE_SIZE_MAX))
    throw invalidOption('iterator', 'pageSize', pageSize, `must be from 1 to ${PAGE_SIZE_MAX}`);
  const projection = projectionOf('iterator', schema, settings);
  for (let cursor: ScanCursor | null = null, first = true; first || cursor !== null; first = false) {
    const page: ScanReply = await connection.call('scan', [schema.id, cursor, pageSize, projection], { signal, timeoutMs });
    for (const object of readObjects(handle.schema, [page.bytes]).values()) yield object as StoredObject<Out, V>;
    cursor = page.next;
  }
}
