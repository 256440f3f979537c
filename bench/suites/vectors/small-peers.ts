/** Peers too slow, or too different, for the full sets: usearch (native, through its addon) and edgevec (wasm), over 10,000 rows as rows of the report. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchContext } from '../../run/suite.ts';
import { dataSet, type DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';

const ROWS = 10_000;
const K = 10;
const EFS = [16, 64, 200];

type Rows = Record<string, unknown>[];

export async function measureSmallPeers(context: BenchContext, name: DataSet['name'], peers: readonly string[], rows: Rows): Promise<void> {
  const set = dataSet(name, context.root, context.cache, ROWS);
  if (peers.includes('edgevec')) await edgevec(set, rows);
  if (peers.includes('usearch')) usearch(context.root, set, rows);
}

async function edgevec(set: DataSet, rows: Rows): Promise<void> {
  const page = await EnginePage.open(set, true);
  try {
    rows.push({ set: set.name, rows: set.rows, engine: 'edgevec', buildPerCpuS: await page.buildPeer('edgevec', 16, 200) });
    for (const ef of EFS) rows.push({ set: set.name, rows: set.rows, engine: 'edgevec', ...(await page.searchPeer(ef, K)) });
  } finally {
    await page.close();
  }
}

interface UsearchIndex {
  add(keys: BigUint64Array | bigint, rows: Float32Array): void;
  search(query: Float32Array, k: number): { keys: BigUint64Array };
}

const floats = (file: string): Float32Array => {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

/** In this process, rated by the process's own CPU time; its search width is fixed when an index is made, so there is one for each. */
function usearch(root: string, set: DataSet, rows: Rows): void {
  const { Index } = createRequire(join(root, 'bench/package.json'))('usearch') as {
    Index: new (options: Record<string, unknown>) => UsearchIndex;
  };
  const base = floats(set.base);
  const queries = floats(set.query);
  const truth = new Uint32Array(Uint8Array.from(readFileSync(set.truth)).buffer);
  const cpuS = (): number => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
  for (const ef of EFS) {
    const metric = set.distance === 'cosine' ? 'ip' : 'l2sq';
    const index = new Index({
      dimensions: set.dimensions,
      metric,
      connectivity: 16,
      expansion_add: 200,
      expansion_search: ef,
      quantization: 'f32',
    });
    const began = cpuS();
    for (let row = 0; row < set.rows; row++) index.add(BigInt(row), base.subarray(row * set.dimensions, (row + 1) * set.dimensions));
    const built = cpuS();
    let found = 0;
    const perQuery = truth.length / set.queries;
    for (let q = 0; q < set.queries; q++) {
      const { keys } = index.search(queries.subarray(q * set.dimensions, (q + 1) * set.dimensions), K);
      const nearest = truth.subarray(q * perQuery, q * perQuery + K);
      for (const key of keys) if (nearest.includes(Number(key))) found++;
    }
    rows.push({
      set: set.name,
      rows: set.rows,
      engine: 'usearch native',
      ef,
      buildPerCpuS: set.rows / (built - began),
      recall: found / (set.queries * K),
      qps: set.queries / (cpuS() - built),
    });
  }
}
