/**
 * Batches of vector searches for the GPU: searches by one vector that arrive in the same turn, for the same shard, vector, filter,
 * width and number of candidates, are offered to the index's mirrors together: to its graph for a walk, where the CPU would walk
 * too, or to its rows for an exact scan, whichever is expected to be faster. What the GPU answers is handed back as found hits;
 * for everything else, and whenever the GPU declines, the shard searches as always.
 *
 * - Fewer than `BATCH_MIN` searches are never offered: one walk in wasm takes less than a round trip to any GPU.
 * - Until a search on the CPU was timed here, nothing is offered: there is nothing to compare with.
 * - Where the GPU can't be had (none, a software one, lost), the question is not asked again for `PAUSE_MS`.
 *
 * Callers: the host of shards, when it was given a GPU backend. Hits may name rows that died meanwhile; `ShardQuery` drops them.
 */
import type { Clock } from '../core/clock.ts';
import type { DocSet } from '../core/doc-set.ts';
import type { GpuBackend, GpuPlan } from '../gpu/gpu-backend.ts';
import { GraphMirror } from '../gpu/graph-mirror.ts';
import { IndexMirror } from '../gpu/index-mirror.ts';
import type { ShardSearch } from '../query/shard-search.ts';
import type { FoundVectors, GpuOffer } from '../query/vector-search.ts';
import type { VectorIndex } from '../vector/vector-index.ts';
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
  readonly resolve: (offer: GpuOffer) => void;
}

interface Mirrored {
  /** Its mirrors are of this index; another one (the schema changed) gets others. */
  readonly index: VectorIndex;
  readonly rows: IndexMirror;
  readonly graph: GraphMirror;
  /** What one search takes on the CPU; null until one was timed. */
  searchMs: number | null;
}

const NO_OFFER: GpuOffer = { found: null, plan: null };

export class GpuSearches {
  private readonly gpu: GpuBackend;
  private readonly clock: Clock;
  private readonly mirrors = new Map<Shard, Map<VectorField, Mirrored>>();
  private waiting = new Map<string, Waiting[]>();
  private pausedUntilMs = -Infinity;
  /** Whether the GPU was asked for anything. */
  asked = false;

  constructor(gpu: GpuBackend, clock: Clock) {
    this.gpu = gpu;
    this.clock = clock;
  }

  /** Whether searches are held back until all of their turn are there. */
  get gathers(): boolean {
    return this.clock.monotonic() >= this.pausedUntilMs;
  }

  /** Whether the GPU could have a part in it. */
  private fieldFor(shard: Shard, { vector, keyword }: ShardSearch): VectorField | null {
    if (vector === null || keyword !== null || vector.targets.length !== 1) return null;
    if (!this.gathers) return null;
    const [{ name, query }] = vector.targets;
    for (const field of shard.fields.values())
      if (field.schema.name === name) return field.index && field.dimensions === query.length ? field : null;
    return null;
  }

  /** Runs `search` with what the GPU found for it, or with nothing. */
  async run<T>(shard: Shard, plan: ShardSearch, search: (offer: GpuOffer) => T): Promise<T> {
    const field = this.fieldFor(shard, plan);
    if (field === null) return search(NO_OFFER);
    const offer = await new Promise<GpuOffer>((resolve) => this.enqueue({ shard, search: plan, field, resolve }));
    if (offer.found) return search(offer);
    const started = this.clock.monotonic();
    const answer = search(offer);
    const tookMs = this.clock.monotonic() - started;
    const mirrored = this.mirrorOf(shard, field);
    if (mirrored) mirrored.searchMs = mirrored.searchMs === null ? tookMs : mirrored.searchMs + MEMORY * (tookMs - mirrored.searchMs);
    return answer;
  }

  private mirrorOf(shard: Shard, field: VectorField): Mirrored | null {
    const { index } = field;
    if (!index) return null;
    let fields = this.mirrors.get(shard);
    if (!fields) this.mirrors.set(shard, (fields = new Map<VectorField, Mirrored>()));
    const known = fields.get(field);
    if (known?.index === index) return known;
    if (known) void close(known);
    const key = `${shard.id}/${field.schema.ordinal}`;
    const rows = new IndexMirror(
      this.gpu,
      {
        distance: field.schema.distance,
        dimensions: field.dimensions,
        get size() {
          return index.size;
        },
        docIDs: () => index.docIDs(),
        read: (docID, into) => field.read(docID, into),
      },
      `${key}/rows`,
    );
    const mirrored: Mirrored = { index, rows, graph: new GraphMirror(this.gpu, index.window, `${key}/graph`), searchMs: null };
    fields.set(field, mirrored);
    return mirrored;
  }

  private enqueue(item: Waiting): void {
    const { shard, field, search } = item;
    const key = `${shard.id}/${field.schema.ordinal}/${search.candidates}/${search.vector!.ef}/${JSON.stringify(search.filter)}`;
    if (this.waiting.size === 0) queueMicrotask(() => this.offerAll());
    const group = this.waiting.get(key);
    if (group) group.push(item);
    else this.waiting.set(key, [item]);
  }

  private offerAll(): void {
    const groups = this.waiting;
    this.waiting = new Map();
    for (const group of groups.values())
      void this.offer(group).then(({ found, plan }) => group.forEach(({ resolve }, i) => resolve({ found: found?.[i] ?? null, plan })));
  }

  private async offer(group: readonly Waiting[]): Promise<{ found: readonly FoundVectors[] | null; plan: GpuPlan | null }> {
    const [{ shard, field, search }] = group;
    const mirrored = this.mirrorOf(shard, field);
    if (!mirrored || group.length < BATCH_MIN || mirrored.searchMs === null) return NO_OFFER_AT_ALL;
    this.asked = true;
    try {
      const batch: Batch = {
        queries: new Float32Array(group.length * field.dimensions),
        k: search.candidates,
        ef: search.vector!.ef,
        allow: search.filter && shard.inverted.allowList(search.filter),
        cpuMs: mirrored.searchMs * group.length,
      };
      group.forEach((item, i) => batch.queries.set(item.search.vector!.targets[0].query, i * field.dimensions));
      return await this.ask(mirrored, batch, group.length);
    } catch {
      return NO_OFFER_AT_ALL; // whatever is wrong with the GPU, the CPU answers
    }
  }

  private async ask(
    { index, rows, graph }: Mirrored,
    { queries, k, ef, allow, cpuMs }: Batch,
    count: number,
  ): Promise<{ found: readonly FoundVectors[] | null; plan: GpuPlan | null }> {
    const width = allow === null ? index.walkWidth(k, ef) : null;
    const walk = width === null ? null : await graph.plan(count, width, cpuMs);
    const scan = await rows.plan(count, k, allow, cpuMs);
    const plan = faster(walk, scan);
    if (plan && !plan.useGpu && plan.gpuMs === null) this.pausedUntilMs = this.clock.monotonic() + PAUSE_MS;
    if (!plan?.useGpu) return { found: null, plan };
    const path = plan === scan ? 'exact' : 'graph';
    const { dimensions } = index;
    // What is sent to the GPU is gone afterwards.
    const lists = await (path === 'exact'
      ? rows.searchMany(queries.slice(), k, allow, cpuMs)
      : graph.walkMany(queries.slice(), width!, cpuMs));
    if (!lists || index.isClosed) return { found: null, plan };
    const found = lists.map((list, q): FoundVectors => {
      const slots = path === 'exact' ? index.slotsOf(list) : list;
      const query = queries.subarray(q * dimensions, (q + 1) * dimensions);
      const hits = index.searchListed(query, k, { slots, path }, { ef, allow: allow ?? undefined });
      return { ...hits, explain: index.lastExplain };
    });
    return { found, plan };
  }

  /** Frees what a dropped shard has on the GPU. */
  async drop(shard: Shard): Promise<void> {
    const fields = this.mirrors.get(shard);
    this.mirrors.delete(shard);
    for (const mirrored of fields?.values() ?? []) await close(mirrored);
  }
}

const NO_OFFER_AT_ALL = { found: null, plan: null };

interface Batch {
  readonly queries: Float32Array<ArrayBuffer>;
  readonly k: number;
  readonly ef: number | null;
  readonly allow: DocSet | null;
  readonly cpuMs: number;
}

/** Of two ways the one that the GPU would be sent; where neither was measured, the walk, as the CPU would walk too. */
function faster(walk: GpuPlan | null, scan: GpuPlan | null): GpuPlan | null {
  if (!walk?.useGpu) return scan?.useGpu || !walk ? scan : walk;
  if (!scan?.useGpu || walk.gpuMs === null || scan.gpuMs === null) return walk;
  return walk.gpuMs <= scan.gpuMs ? walk : scan;
}

async function close({ rows, graph }: Mirrored): Promise<void> {
  await rows.close();
  await graph.close();
}
