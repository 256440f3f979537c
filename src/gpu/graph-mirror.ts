/**
 * The graph of one vector index on the GPU, for walks of many queries at once.
 *
 * - Rows and links are the engine's own bytes, slot by slot; before a batch the slots that changed since the last one are sent.
 * - What comes back is a list of slots for each query, nearest first by their codes. They are candidates and no more: the engine
 *   measures them itself, so a copy that lags behind, or a slot that has changed hands, costs recall at most, never a wrong answer.
 * - Slots filled since the last patch are handed back too, as candidates of every query: so a row that was written before the
 *   search is found whatever the GPU has seen.
 *
 * Callers: the host of shards (`src/shard/gpu-searches.ts`).
 */
import { WALK_SEEDS_MAX, WALK_DEGREE_MAX } from '../kernels/gpu/graph-walk.ts';
import { SELECT_K_MAX } from '../kernels/gpu/select-nearest.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { GpuBackend, GpuJobSize, GpuPlan, TableId } from './gpu-backend.ts';
import { listsOf } from './hit-lists.ts';
import { rowBytes, type EncodedRows, type RowSpace } from './row-words.ts';

/** How an engine's graph lies in its memory. */
export interface GraphLayout {
  readonly rowType: 'f32' | 'u7';
  readonly space: RowSpace | null;
  /** Links of a slot on level 0. */
  readonly degree: number;
  /** Slots ever filled. */
  readonly slots: number;
  /** Changes when all rows or all links change their meaning: the copy then starts over. */
  readonly generation: number;
}

/** Slots that changed, each list rising. */
export interface TouchedSlots {
  /** Filled, or coded anew. */
  readonly rows: Uint32Array<ArrayBuffer>;
  readonly links: Uint32Array<ArrayBuffer>;
}

/** What the mirror needs of an index with a graph. */
export interface MirroredGraph {
  readonly distance: Distance;
  readonly dimensions: number;
  /** Null while there is no graph that a GPU can walk. */
  layout(): GraphLayout | null;
  /** What changed since it was last asked; from the first call on it is kept. Null: everything. */
  takeTouched(): TouchedSlots | null;
  /** Slots filled since `takeTouched`. */
  filled(): Uint32Array<ArrayBuffer>;
  /** Codes as the engine keeps them, `bytes` of each slot, and their terms. */
  rowsOf(slots: Uint32Array, bytes: number): EncodedRows;
  linksOf(slots: Uint32Array): Uint32Array<ArrayBuffer>;
  /** At most `most` slots of nodes of the upper levels, spread evenly, the entry among them. */
  seeds(most: number): Uint32Array<ArrayBuffer>;
  /** Nothing is kept any more. */
  forget(): void;
}

/** Bytes of rows sent in one message: read in well under a slice of background work. */
const BLOCK_BYTES = 2 ** 20;
/** More changed slots than this since a patch make its walk useless. */
const FILLED_MAX = 4_096;
/** Rows that a walk is expected to score for each place of its list. */
const SCORED_PER_EF = 12;

export class GraphMirror {
  private readonly backend: GpuBackend;
  private readonly graph: MirroredGraph;
  private readonly key: string;
  private table: TableId | null = null;
  private generation = -1;
  private sentSlots = 0;

  /** `key`: names the index in this database, for what is remembered of its uploads. */
  constructor(backend: GpuBackend, graph: MirroredGraph, key: string) {
    this.backend = backend;
    this.graph = graph;
    this.key = key;
  }

  /** Whether such a batch would go to the GPU; null: it can't be walked there. `queries`: how many. */
  async plan(queries: number, ef: number, cpuMs: number): Promise<GpuPlan | null> {
    const layout = this.graph.layout();
    if (!layout || layout.degree > WALK_DEGREE_MAX || ef > SELECT_K_MAX) return null;
    const { dimensions } = this.graph;
    const terms = queries * dimensions;
    const job: GpuJobSize = {
      kind: 'walk',
      rowType: layout.rowType,
      terms: terms * SCORED_PER_EF * ef,
      uploadBytes: terms * 4,
      cpuMs,
    };
    const current = layout.generation === this.generation && this.table !== null ? this.sentSlots : 0;
    const missing = Math.max(0, layout.slots - current) * (this.bytesOf(layout) + layout.degree * 4);
    return this.backend.plan(job, { key: this.key, bytes: missing });
  }

  /** Candidates of each query, nearest first, with the slots filled meanwhile; null: the CPU's to do. `queries` is row-major. */
  async walkMany(queries: Float32Array<ArrayBuffer>, ef: number, cpuMs: number): Promise<Uint32Array<ArrayBuffer>[] | null> {
    const layout = this.graph.layout();
    if (!layout) return null;
    if (!(await this.update(layout))) {
      await this.close();
      return null;
    }
    const hits = await this.backend.searchGraph({
      table: this.table!,
      exact: null,
      queries,
      k: ef,
      ef,
      rescore: ef,
      cpuMs,
    });
    if (!hits) {
      if (!(await this.backend.isOpen(this.table!))) await this.close();
      return null;
    }
    const filled = this.graph.filled();
    if (filled.length > FILLED_MAX || this.graph.layout()?.generation !== this.generation) return null;
    return listsOf(hits).map((found) => {
      const slots = new Uint32Array(found.length + filled.length);
      slots.set(found);
      slots.set(filled, found.length);
      return slots;
    });
  }

  /** Frees the GPU's memory. */
  async close(): Promise<void> {
    const { table } = this;
    this.table = null;
    this.generation = -1;
    this.sentSlots = 0;
    this.graph.forget();
    if (table !== null) await this.backend.dropTable(table);
  }

  private bytesOf({ rowType }: GraphLayout): number {
    return rowBytes({ rowType, distance: this.graph.distance, packedDot: true }, this.graph.dimensions);
  }

  /** Brings the copy up to date; false when the GPU can't take it. */
  private async update(layout: GraphLayout): Promise<boolean> {
    const { backend, graph } = this;
    if (this.table === null || this.generation !== layout.generation || !(await backend.isOpen(this.table))) {
      await this.close();
      const { rowType, space, slots } = layout;
      const { distance, dimensions } = graph;
      this.table = await backend.openTable({ rowType, distance, dimensions, space, rowsExpected: slots });
      if (this.table === null) return false;
      this.generation = layout.generation;
    }
    const all = (): Uint32Array<ArrayBuffer> => Uint32Array.from({ length: layout.slots }, (_, slot) => slot);
    const touched = graph.takeTouched() ?? { rows: all(), links: all() };
    if (!(await this.send(layout, touched))) return false;
    this.sentSlots = layout.slots;
    return true;
  }

  private async send(layout: GraphLayout, { rows, links }: TouchedSlots): Promise<boolean> {
    const bytes = this.bytesOf(layout);
    const block = Math.max(1, Math.floor(BLOCK_BYTES / (bytes + layout.degree * 4)));
    for (let at = 0; at === 0 || at < Math.max(rows.length, links.length); at += block) {
      const some = rows.slice(at, at + block);
      const linked = links.slice(at, at + block);
      const patch = {
        degree: layout.degree,
        rows: some,
        ...this.graph.rowsOf(some, bytes),
        linked,
        links: this.graph.linksOf(linked),
        seeds: this.graph.seeds(WALK_SEEDS_MAX),
      };
      if (!(await this.backend.patchGraph(this.table!, patch))) return false;
      if (this.graph.layout()?.generation !== layout.generation) return false;
    }
    return true;
  }
}
