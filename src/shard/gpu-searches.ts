/**
 * Batches of vector searches for the GPU: searches by one vector that arrive in the same turn, for the same shard, vector, filter
 * and number of candidates, are offered to the index's mirror together. What the GPU answers is handed back as
 * found hits; for everything else, and whenever the GPU declines, the shard searches as always.
 *
 * - Fewer than `BATCH_MIN` searches are never offered: one walk in wasm takes less than a round trip to any GPU.
 * - Until a search on the CPU was timed here, nothing is offered: there is nothing to compare with.
 * - Where the GPU can't be had (none, a software one, lost), the question is not asked again for `PAUSE_MS`.
 *
 * Callers: the host of shards, when it was given a GPU backend. Hits may name rows that died meanwhile; `ShardQuery` drops them.
 */
import type { Clock } from '../core/clock.ts';
import type { GpuBackend, GpuStatus } from '../gpu/gpu-backend.ts';
import { IndexMirror } from '../gpu/index-mirror.ts';
import type { ShardSearch } from '../query/shard-search.ts';
import type { VectorHits } from '../vector/vector-index.ts';
import type { Shard } from './shard.ts';
import type { VectorField } from './vector-field.ts';

export const BATCH_MIN = 16;
const PAUSE_MS = 5_000;
/** Share of a new timing in the running mean. */
const MEMORY = 1 / 16;

interface Waiting {
  readonly shard: Shard;
  readonly search: ShardSearch;
  readonly field: VectorField;
  readonly resolve: (found: VectorHits | null) => void;
}

interface Mirrored {
  readonly mirror: IndexMirror;
  /** What one search takes on the CPU; null until one was timed. */
  searchMs: number | null;
}

export class GpuSearches {
  private readonly gpu: GpuBackend;
  private readonly clock: Clock;
  private readonly mirrors = new Map<Shard, Map<VectorField, Mirrored>>();
  private waiting = new Map<string, Waiting[]>();
  private pausedUntilMs = -Infinity;
  private asked = false;

  constructor(gpu: GpuBackend, clock: Clock) {
    this.gpu = gpu;
    this.clock = clock;
  }

  /** Whether the GPU could have a part in it. */
  private fieldFor(shard: Shard, { vector, keyword }: ShardSearch): VectorField | null {
    if (vector === null || keyword !== null || vector.targets.length !== 1) return null;
    if (this.clock.monotonic() < this.pausedUntilMs) return null;
    const [{ name, query }] = vector.targets;
    for (const field of shard.fields.values())
      if (field.schema.name === name) return field.index && field.dimensions === query.length ? field : null;
    return null;
  }

  /** Runs `search` with the hits that the GPU found for it, or with null. */
  async run<T>(shard: Shard, plan: ShardSearch, search: (found: VectorHits | null) => T): Promise<T> {
    const field = this.fieldFor(shard, plan);
    if (field === null) return search(null);
    const mirrored = this.mirrorOf(shard, field);
    const found = await new Promise<VectorHits | null>((resolve) => this.enqueue({ shard, search: plan, field, resolve }));
    if (found) return search(found);
    const started = this.clock.monotonic();
    const answer = search(null);
    const tookMs = this.clock.monotonic() - started;
    mirrored.searchMs = mirrored.searchMs === null ? tookMs : mirrored.searchMs + MEMORY * (tookMs - mirrored.searchMs);
    return answer;
  }

  private mirrorOf(shard: Shard, field: VectorField): Mirrored {
    let fields = this.mirrors.get(shard);
    if (!fields) this.mirrors.set(shard, (fields = new Map<VectorField, Mirrored>()));
    let mirrored = fields.get(field);
    if (!mirrored) fields.set(field, (mirrored = { mirror: new IndexMirror(this.gpu, mirroredIndex(field)), searchMs: null }));
    return mirrored;
  }

  private enqueue(item: Waiting): void {
    const key = `${item.shard.id}/${item.field.schema.ordinal}/${item.search.candidates}/${JSON.stringify(item.search.filter)}`;
    if (this.waiting.size === 0) queueMicrotask(() => this.offerAll());
    const group = this.waiting.get(key);
    if (group) group.push(item);
    else this.waiting.set(key, [item]);
  }

  private offerAll(): void {
    const groups = this.waiting;
    this.waiting = new Map();
    for (const group of groups.values()) {
      void this.offer(group).then((hits) => group.forEach(({ resolve }, i) => resolve(hits?.[i] ?? null)));
    }
  }

  private async offer(group: readonly Waiting[]): Promise<readonly VectorHits[] | null> {
    const [{ shard, field, search }] = group;
    const { mirror, searchMs } = this.mirrorOf(shard, field);
    if (group.length < BATCH_MIN || searchMs === null) return null;
    const { dimensions } = field;
    const queries = new Float32Array(group.length * dimensions);
    group.forEach((item, i) => queries.set(item.search.vector!.targets[0].query, i * dimensions));
    this.asked = true;
    try {
      const cpuMs = searchMs * group.length;
      const plan = await this.gpu.plan({ kind: 'scan', rowType: 'f32', terms: queries.length, uploadBytes: queries.byteLength, cpuMs });
      if (!plan.useGpu && plan.gpuMs === null) {
        this.pausedUntilMs = this.clock.monotonic() + PAUSE_MS;
        return null;
      }
      const allow = search.filter && shard.inverted.allowList(search.filter);
      return await mirror.searchMany(queries, search.candidates, allow, cpuMs);
    } catch {
      return null; // whatever is wrong with the GPU, the CPU answers
    }
  }

  /** What the GPU says of itself; null while it was not asked for anything, so that asking does not start it. */
  async status(): Promise<GpuStatus | null> {
    return this.asked ? this.gpu.status() : null;
  }

  /** Frees what a dropped shard has on the GPU. */
  async drop(shard: Shard): Promise<void> {
    const fields = this.mirrors.get(shard);
    this.mirrors.delete(shard);
    for (const { mirror } of fields?.values() ?? []) await mirror.close();
  }
}

const mirroredIndex = (field: VectorField): ConstructorParameters<typeof IndexMirror>[1] => ({
  distance: field.schema.distance,
  dimensions: field.dimensions,
  get size() {
    return field.index?.size ?? 0;
  },
  docIDs: () => field.index!.docIDs(),
  read: (docID, into) => field.read(docID, into),
});
