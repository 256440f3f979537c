/** Rows on their way to a table on the GPU: read from where they are durable, in blocks. */
import type { GpuBackend, TableId } from './gpu-backend.ts';

/** Where rows are read. */
export interface RowSource {
  readonly dimensions: number;
  /** False when the docID has no row. */
  read(docID: number, into: Float32Array): boolean;
}

/** Bytes of rows read between two turns of the thread, so that a query never waits long. */
const BLOCK_BYTES = 2 ** 20;

/** Appends the rows of `docIDs` in this order; false when the table is gone or full. One without a row is passed over, and `skipped` told. */
export async function sendRows(
  backend: GpuBackend,
  table: TableId,
  source: RowSource,
  docIDs: Uint32Array,
  skipped?: (docID: number) => void,
): Promise<boolean> {
  const { dimensions } = source;
  const block = Math.max(1, Math.floor(BLOCK_BYTES / (dimensions * 4)));
  const row = new Float32Array(dimensions);
  for (let at = 0; at < docIDs.length; at += block) {
    const some = docIDs.subarray(at, at + block);
    const rows = new Float32Array(some.length * dimensions);
    const kept = new Uint32Array(some.length);
    let count = 0;
    for (const docID of some) {
      if (!source.read(docID, row)) {
        skipped?.(docID);
        continue;
      }
      rows.set(row, count * dimensions);
      kept[count++] = docID;
    }
    if (!(await backend.append(table, kept.slice(0, count), rows.slice(0, count * dimensions)))) return false;
  }
  return true;
}
