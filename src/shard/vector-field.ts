/**
 * One named vector of one shard: its durable rows (the column in the segments and the tail since the last flush) and the
 * index over them.
 *
 * Invariants:
 * - A row belongs to a docID for good: it is never replaced, only dropped when its docID dies. So a graph recovered from disk
 *   can be reconciled by docID alone.
 * - `present` has a bit for every live docID with a row; what is live and not present still waits for its vector.
 * - The index is opened when it is first asked for, or in the background: words are answered before a graph is read. It is then
 *   told what it lacks. Every change opens it first, so that all that it lacks is older than the log's end at the time of opening.
 */
import { DocSet } from '../core/doc-set.ts';
import { HeddleError } from '../core/errors.ts';
import type { ColumnRows } from '../lsm/column-format.ts';
import type { ColumnStore } from '../lsm/column-store.ts';
import type { VectorIndex, VectorIndexState, VectorRows } from '../vector/vector-index.ts';
import type { VectorSchema } from '../schema/collection-schema.ts';

/** `recoveredSequence`: the last record of the shard that the log still knew. */
export type OpenIndex = (field: VectorField, state: VectorIndexState | null, recoveredSequence: number) => VectorIndex;

export class VectorField implements VectorRows {
  schema: VectorSchema;
  dimensions: number;
  readonly present = new DocSet();
  private readonly ordinal: number;
  private readonly columns: ColumnStore;
  private readonly live: DocSet;
  /** Rows added, carried or removed since the index's state was last put into the manifest. */
  changes = 0;
  private opened: VectorIndex | null = null;
  private openNow: (() => VectorIndex) | null = null;
  private tail = new Map<number, Float32Array>();
  /** The tail of a flush under way. */
  private frozen = new Map<number, Float32Array>();

  /** `kept`: docIDs whose rows merges must keep. */
  constructor(schema: VectorSchema, dimensions: number, columns: ColumnStore, live: DocSet, kept: DocSet) {
    this.schema = schema;
    this.ordinal = schema.ordinal;
    this.dimensions = dimensions;
    this.columns = columns;
    this.live = live;
    columns.forEachDocID(this.ordinal, (docID) => {
      if (live.has(docID)) this.present.add(docID);
    });
    columns.register(this.ordinal, {
      keep: (docID) => kept.has(docID),
      keptRows: () => this.present.count() + kept.count() - live.count(),
    });
  }

  setSchema(schema: VectorSchema): void {
    this.schema = schema;
    this.opened?.retune(schema);
  }

  get memtableBytes(): number {
    return this.tail.size * (this.dimensions * 4 + 64);
  }

  /**
   * Asked before a write is logged. Throws `InvalidInput` when `values` has another size than the rows before it, `StorageFull` when
   * the index has no memory for it and `ahead` more rows of the same batch.
   */
  check(values: Float32Array, ahead: number): void {
    if (this.dimensions !== 0 && values.length !== this.dimensions)
      throw new HeddleError(
        'InvalidInput',
        `vector "${this.schema.name}" has ${values.length} dimensions, the collection's have ${this.dimensions}`,
        {
          hint: 'Send vectors of one size, or add another named vector.',
          details: { vector: this.schema.name, dimensions: values.length, expected: this.dimensions },
        },
      );
    this.index?.admit(ahead + 1);
  }

  /** Takes the row of a new docID; `row` is kept. The first row fixes the dimensions. */
  add(docID: number, row: Float32Array, sequence: number): void {
    const { index } = this;
    if (this.dimensions === 0) this.dimensions = row.length;
    this.changes++;
    this.tail.set(docID, row);
    this.present.add(docID);
    index?.add(docID, row, sequence);
  }

  /** The row of a version that died goes on as the row of its successor. */
  carry(from: number, to: number, sequence: number): void {
    const row = this.row(from);
    if (!row) return;
    const { index } = this;
    this.changes++;
    this.tail.set(to, row);
    this.tail.delete(from);
    this.present.delete(from);
    this.present.add(to);
    index?.rebind(from, to, sequence);
  }

  remove(docID: number, sequence: number): void {
    if (!this.present.has(docID)) return;
    const { index } = this;
    this.changes++;
    this.present.delete(docID);
    this.tail.delete(docID);
    index?.remove(docID, sequence);
  }

  /** A copy of the row, or null. */
  row(docID: number): Float32Array | null {
    if (!this.present.has(docID)) return null;
    const row = new Float32Array(this.dimensions);
    return this.read(docID, row) ? row : null;
  }

  read(docID: number, into: Float32Array): boolean {
    const row = this.tail.get(docID) ?? this.frozen.get(docID);
    if (!row) return this.columns.read(this.ordinal, docID, into);
    into.set(row);
    return true;
  }

  forEach(each: (docID: number, row: Float32Array) => void): void {
    this.columns.forEach(this.ordinal, (docID, row) => {
      if (this.present.has(docID)) each(docID, row);
    });
    for (const rows of [this.frozen, this.tail]) for (const [docID, row] of rows) if (this.present.has(docID)) each(docID, row);
  }

  /** Rows since the last freeze by rising docID; they stay readable until `flushed`. */
  freeze(): ColumnRows {
    const { ordinal, dimensions } = this;
    const frozen = this.tail;
    this.frozen = frozen;
    this.tail = new Map();
    const docIDs = Uint32Array.from(frozen.keys()).sort();
    const rows = new Float32Array(docIDs.length * dimensions);
    docIDs.forEach((docID, i) => rows.set(frozen.get(docID)!, i * dimensions));
    return { ordinal, dimensions, docIDs, rows };
  }

  flushed(): void {
    this.frozen = new Map();
  }

  /** The flush failed: frozen rows and those that came since are one tail again. */
  thaw(): void {
    this.tail = new Map([...this.frozen, ...this.tail]);
    this.frozen = new Map();
  }

  /** Says how the index is opened: after the log was replayed, and once a row has fixed the dimensions. */
  bindIndex(open: OpenIndex, state: VectorIndexState | null, sequence: number): void {
    if (this.dimensions === 0 || this.openNow) return;
    this.openNow = () => {
      const index = open(this, state, sequence);
      const known = index.docIDs();
      for (const docID of known) if (!this.present.has(docID)) index.remove(docID, sequence);
      const missing = this.present.clone().andNot(known);
      const row = new Float32Array(this.dimensions);
      for (const docID of missing) if (this.read(docID, row)) index.add(docID, row, sequence);
      return index;
    };
  }

  /** The index, opened if need be; null before it was bound. */
  get index(): VectorIndex | null {
    return (this.opened ??= this.openNow?.() ?? null);
  }
  /** Opens the index before anyone asks; false when it is open, or can't be here: then whoever asks hears why. */
  openAhead(): boolean {
    if (this.opened || !this.openNow) return false;
    try {
      return this.index !== null;
    } catch (thrown) {
      if (HeddleError.from(thrown).code === 'Unsupported') return false;
      throw thrown;
    }
  }

  /** The index, if it has been opened. */
  get openedIndex(): VectorIndex | null {
    return this.opened;
  }

  /** docIDs that are live and wait for their vector. */
  pending(): DocSet {
    return this.live.clone().andNot(this.present);
  }
}
