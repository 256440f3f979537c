/**
 * What the manifest keeps of one shard beside its segments, as UTF-8 JSON (`docs/format/shard-buckets.md`).
 */
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { Positions } from '../inverted/inverted-index.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { hasBeenReindexed, isReindexing } from '../schema/reindex.ts';
import type { VectorIndexState } from '../vector/vector-index.ts';

/** 2: an index has been built anew, so that its buckets are named by `PropertySchema.index`, or is being built. */
const VERSION = 2;
const VERSION_BEFORE = 1;

export interface ShardMeta {
  readonly schema: CollectionSchema;
  readonly nextDocID: number;
  readonly hlc: number;
  /** By vector ordinal. */
  readonly vectors: Record<number, { dimensions: number; index: VectorIndexState | null }>;
  /** By the ordinal of an index that is being built: docIDs below are in it. */
  readonly reindex?: Positions;
}

export const emptyShardMeta = (schema: CollectionSchema): ShardMeta => ({ schema, nextDocID: 0, hlc: 0, vectors: {} });

/** Builds that know nothing of re-indexing can read what has none. */
export function encodeShardMeta(meta: ShardMeta): Uint8Array {
  const isPlain = !isReindexing(meta.schema) && !hasBeenReindexed(meta.schema);
  return utf8(JSON.stringify({ version: isPlain ? VERSION_BEFORE : VERSION, ...meta }));
}

export function decodeShardMeta(bytes: Uint8Array): ShardMeta {
  const { version, ...meta } = JSON.parse(fromUtf8(bytes)) as ShardMeta & { version: number };
  if (version !== VERSION && version !== VERSION_BEFORE)
    throw new HeddleError('Unsupported', `shard entry has version ${version}, this build reads ${VERSION}`);
  return meta;
}
