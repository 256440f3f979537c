/**
 * The rows of one vector index on the GPU, for exact search of many queries at once.
 *
 * - Nothing is told to it when rows come and go: before a batch it compares the index's docIDs with its own, and sends what is
 *   new. A docID's row never changes, so that is all there is to know.
 * - It uploads rows only when that pays (`upload-rule.ts`): `plan` comes before `searchMany`.
 * - What comes back are candidates, a few more than asked for: the engine measures them itself, so that distances are the same
 *   bits whichever backend ran, and rows that came or went meanwhile do no harm.
 *
 * Callers: the host of shards (`src/shard/gpu-searches.ts`).
 */
import type { DocSet } from '../core/doc-set.ts';
import { SELECT_K_MAX } from '../kernels/gpu/select-nearest.ts';
import type { Distance } from '../schema/collection-schema.ts';
import type { GpuAllow, GpuBackend, GpuPlan, TableId } from './gpu-backend.ts';
import { listsOf } from './hit-lists.ts';
import { sendRows, type RowSource } from './row-sender.ts';

/** What the mirror needs of an index and of its rows. */
export interface MirroredIndex extends RowSource {
  readonly distance: Distance;
  readonly size: number;
  /** A fresh set. */
  docIDs(): DocSet;
}

/** Places beyond k that are scored again, so that rounding can't move a row over the edge. */
const SPARE = 4;
/** An allow-list with fewer rows than one in this many is sent as a list, else as bits. */
const SPARSE = 8;

export class IndexMirror {
  private readonly backend: GpuBackend;
  private readonly index: MirroredIndex;
  private table: TableId | null = null;
  private held: DocSet | null = null;
  private readonly key: string;

  /** `key`: names the index in this database, for what is remembered of its uploads. */
  constructor(backend: GpuBackend, index: MirroredIndex, key: string) {
    this.backend = backend;
    this.index = index;
    this.key = key;
  }

  /** Whether such a batch would go to the GPU; null: it can't be done there. `queries`: how many; `cpuMs`: what the CPU is expected to take. */
  async plan(queries: number, k: number, allow: DocSet | null, cpuMs: number): Promise<GpuPlan | null> {
    const { index } = this;
    if (index.size === 0 || k < 1 || k + SPARE > SELECT_K_MAX) return null;
    const rows = allow ? Math.min(allow.count(), index.size) : index.size;
    const missing = Math.max(0, index.size - (this.held?.count() ?? 0)) * index.dimensions * 4;
    const terms = queries * index.dimensions;
    return this.backend.plan(
      { kind: 'scan', rowType: 'f32', terms: rows * terms, uploadBytes: terms * 4, cpuMs },
      { key: this.key, bytes: missing },
    );
  }

  /** docIDs of candidates of each query, or null: the CPU's to do. `queries` is row-major. */
  async searchMany(
    queries: Float32Array<ArrayBuffer>,
    k: number,
    allow: DocSet | null,
    cpuMs: number,
  ): Promise<Uint32Array<ArrayBuffer>[] | null> {
    const { backend } = this;
    if (!(await this.upload())) {
      await this.forget();
      return null;
    }
    const hits = await backend.searchExact({
      table: this.table!,
      queries,
      k: k + SPARE,
      allow: allow && this.allowFor(allow),
      cpuMs,
    });
    if (hits) return listsOf(hits);
    if (!(await backend.isOpen(this.table!))) await this.forget();
    return null;
  }

  /** Frees the GPU's memory. */
  async close(): Promise<void> {
    await this.forget();
  }

  private async forget(): Promise<void> {
    const { table } = this;
    this.table = null;
    this.held = null;
    if (table !== null) await this.backend.dropTable(table);
  }

  private allowFor(allow: DocSet): GpuAllow {
    return allow.count() * SPARSE < this.index.size
      ? { kind: 'list', docIDs: allow.toArray() }
      : { kind: 'bits', words: allow.words.slice() };
  }

  /** Brings the table up to date; false when the GPU can't take the rows. */
  private async upload(): Promise<boolean> {
    const { backend, index } = this;
    const wanted = index.docIDs();
    if (this.table === null || !(await backend.isOpen(this.table))) {
      await this.forget();
      const { distance, dimensions } = index;
      this.table = await backend.openTable({ rowType: 'f32', distance, dimensions, space: null, rowsExpected: wanted.count() });
      if (this.table === null) return false;
    }
    const held = this.held ?? wanted.clone().andNot(wanted);
    const gone = held.clone().andNot(wanted).toArray();
    const fresh = wanted.clone().andNot(held).toArray();
    this.held = null;
    if (gone.length > 0 && !(await backend.remove(this.table, gone))) return false;
    if (!(await sendRows(backend, this.table, index, fresh))) return false;
    this.held = wanted;
    return true;
  }
}
