/**
 * What the manifest keeps of one shard beside its segments, as UTF-8 JSON (`docs/format/shard-buckets.md`).
 */
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import type { VectorIndexState } from '../vector/vector-index.ts';

const VERSION = 1;

export interface ShardMeta {
  readonly schema: CollectionSchema;
  readonly nextDocID: number;
  readonly hlc: number;
  /** By vector ordinal. */
  readonly vectors: Record<number, { dimensions: number; index: VectorIndexState | null }>;
}

export const emptyShardMeta = (schema: CollectionSchema): ShardMeta => ({ schema, nextDocID: 0, hlc: 0, vectors: {} });

export const encodeShardMeta = (meta: ShardMeta): Uint8Array => utf8(JSON.stringify({ version: VERSION, ...meta }));

export function decodeShardMeta(bytes: Uint8Array): ShardMeta {
  const { version, ...meta } = JSON.parse(fromUtf8(bytes)) as ShardMeta & { version: number };
  if (version !== VERSION) throw new HeddleError('Unsupported', `shard entry has version ${version}, this build reads ${VERSION}`);
  return meta;
}
