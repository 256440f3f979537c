/**
 * What tests and benchmarks of the vector index need around it: streams in memory, rows in a Map, seeded data, brute force.
 */
import { SeededRandom, silentLogger, systemClock } from '../core/clock.ts';
import { HeddleError } from '../core/errors.ts';
import { exactDistance, preparedRow } from '../kernels/scalar/distances.ts';
import type { ExtentStream, StreamSpace } from '../lsm/bucket.ts';
import type { Distance, VectorSchema } from '../schema/collection-schema.ts';
import { HNSW_DEFAULTS } from '../schema/normalize-vector.ts';
import { createVectorIndex } from './create-vector-index.ts';
import type { GraphIndex } from './graph-index.ts';
import type { VectorIndexState, VectorRows } from './vector-index.ts';

export class MemoryStreams implements StreamSpace {
  readonly contents = new Map<number, Uint8Array<ArrayBuffer>>();
  private readonly lengths = new Map<number, number>();
  private nextId = 1;

  create(): ExtentStream {
    const id = this.nextId++;
    this.contents.set(id, new Uint8Array(1024));
    this.lengths.set(id, 0);
    return this.open(id);
  }

  open(id: number): ExtentStream {
    const { contents, lengths } = this;
    if (!contents.has(id)) throw new HeddleError('NotFound', `stream ${id} is not there`);
    return {
      id,
      get length() {
        return lengths.get(id) ?? 0;
      },
      append(bytes) {
        const at = lengths.get(id) ?? 0;
        let block = contents.get(id) as Uint8Array<ArrayBuffer>;
        if (at + bytes.length > block.length) {
          const grown = new Uint8Array(Math.max(block.length * 2, at + bytes.length));
          grown.set(block.subarray(0, at));
          contents.set(id, (block = grown));
        }
        block.set(bytes, at);
        lengths.set(id, at + bytes.length);
      },
      read(into, at) {
        const end = Math.min(lengths.get(id) ?? 0, at + into.length);
        const part = (contents.get(id) as Uint8Array).subarray(at, Math.max(at, end));
        into.set(part);
        return part.length;
      },
      resumeAt(length) {
        lengths.set(id, length);
      },
      flush() {},
    };
  }

  ids(): number[] {
    return [...this.contents.keys()];
  }

  /** After a crash a stream is as long as what was allocated for it. */
  crash(): void {
    for (const [id, block] of this.contents) this.lengths.set(id, block.length);
  }

  free(id: number): void {
    this.contents.delete(id);
    this.lengths.delete(id);
  }
}

export class MapRows implements VectorRows {
  readonly dimensions: number;
  readonly rows = new Map<number, Float32Array>();
  constructor(dimensions: number) {
    this.dimensions = dimensions;
  }
  read(docID: number, into: Float32Array): boolean {
    const row = this.rows.get(docID);
    if (!row) return false;
    into.set(row);
    return true;
  }
  forEach(each: (docID: number, row: Float32Array) => void): void {
    for (const [docID, row] of this.rows) each(docID, row);
  }
}

export function vectorSchema(dimensions: number, distance: Distance, changes: Partial<VectorSchema> = {}): VectorSchema {
  return {
    ordinal: 0,
    name: 'default',
    dimensions,
    distance,
    index: HNSW_DEFAULTS,
    quantizer: { type: 'sq', rescoreLimit: 20, trainingLimit: 100_000, segments: 0, centroids: 0 },
    vectorizer: null,
    from: [],
    when: 'write',
    ...changes,
  };
}

/** An index with everything around it. */
export class IndexFixture {
  readonly rows: MapRows;
  readonly streams = new MemoryStreams();
  readonly schema: VectorSchema;
  readonly memoryBytesMax: number;
  index: GraphIndex;
  sequence = 0;

  constructor(schema: VectorSchema, memoryBytesMax = 2 ** 30) {
    this.schema = schema;
    this.memoryBytesMax = memoryBytesMax;
    this.rows = new MapRows(schema.dimensions);
    this.index = this.open(null, 0);
  }

  private open(state: VectorIndexState | null, recoveredSequence: number): GraphIndex {
    const { schema, rows, streams, memoryBytesMax } = this;
    const random = new SeededRandom(7);
    return createVectorIndex({
      schema,
      rows,
      streams,
      state,
      recoveredSequence,
      random,
      logger: silentLogger,
      clock: systemClock,
      memoryBytesMax,
    });
  }

  add(docID: number, row: Float32Array): void {
    this.rows.rows.set(docID, row);
    this.index.add(docID, row, ++this.sequence);
  }
  remove(docID: number): void {
    this.rows.rows.delete(docID);
    this.index.remove(docID, ++this.sequence);
  }

  /** Works until nothing is left to do. */
  settle(): void {
    while (this.index.step(50, this.sequence));
  }

  /** Opens the index from a state, as its shard would after recovering up to `sequence`, and reconciles it. */
  reopen(state: VectorIndexState, sequence = this.sequence): void {
    this.streams.crash();
    this.index = this.open(state, sequence);
    const held = this.index.docIDs();
    for (const docID of held) if (!this.rows.rows.has(docID)) this.index.remove(docID, sequence);
    for (const [docID, row] of this.rows.rows) if (!held.has(docID)) this.index.add(docID, row, sequence);
  }

  /** The k nearest by brute force, ties by docID. */
  bruteForce(query: Float32Array, k: number, allowed: (docID: number) => boolean = () => true): { docID: number; distance: number }[] {
    const { distance } = this.schema;
    const q = preparedRow(distance, query);
    const hits: { docID: number; distance: number }[] = [];
    for (const [docID, row] of this.rows.rows)
      if (allowed(docID)) hits.push({ docID, distance: exactDistance(distance, q, preparedRow(distance, row)) });
    return hits.sort((a, b) => a.distance - b.distance || a.docID - b.docID).slice(0, k);
  }

  /** Mean share of the k nearest that the index finds. */
  recall(queries: readonly Float32Array[], k: number, ef: number | null = null): number {
    let found = 0;
    for (const query of queries) {
      const truth = new Set(this.bruteForce(query, k).map((hit) => hit.docID));
      for (const docID of this.index.search(query, k, { ef }).docIDs) if (truth.has(docID)) found++;
    }
    return found / (queries.length * k);
  }
}

/** Rows around seeded centers: `count` rows of `dimensions`, like embeddings in that neighbours are meaningful. */
export function clusteredRows(random: SeededRandom, count: number, dimensions: number, clusters = 50): Float32Array[] {
  const gaussian = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const centers = Array.from({ length: clusters }, () => Float32Array.from({ length: dimensions }, gaussian));
  return Array.from({ length: count }, () => {
    const center = centers[random.int(clusters)];
    return center.map((value) => value + 0.7 * gaussian());
  });
}
