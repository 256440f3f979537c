/** The wasm engine on the same rows, for comparison: built row by row, searched one query at a time on this thread. */
import { HNSW_DEFAULTS } from '../../../src/schema/normalize-vector.ts';
import { IndexFixture, vectorSchema } from '../../../src/vector/vector-fixture.ts';

export interface WasmIndex {
  readonly buildCpuS: number;
  /** `k` hits a query, in order, and queries a CPU second. */
  search(queries: Float32Array, ef: number): { readonly docIDs: Uint32Array; readonly perCpuS: number };
}

const cpuS = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

export function wasmIndex(rows: Float32Array, dimensions: number, maxConnections: number, efConstruction: number, k: number): WasmIndex {
  const schema = vectorSchema(dimensions, 'cosine', { index: { ...HNSW_DEFAULTS, maxConnections, efConstruction } });
  const fixture = new IndexFixture(schema, 2 ** 31);
  const started = cpuS();
  for (let i = 0; i * dimensions < rows.length; i++) fixture.add(i, rows.subarray(i * dimensions, (i + 1) * dimensions));
  fixture.settle();
  const buildCpuS = cpuS() - started;
  return {
    buildCpuS,
    search(queries, ef) {
      const from = cpuS();
      const hits = fixture.index.searchMany(queries, k, { ef });
      const took = Math.max(cpuS() - from, 1e-6);
      return { docIDs: Uint32Array.from(hits.flatMap((hit) => [...hit.docIDs])), perCpuS: hits.length / took };
    },
  };
}
