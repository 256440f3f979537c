/**
 * Peers too slow, or too different, for the full sets, over 10,000 rows as rows of the report: usearch (native, through its addon),
 * edgevec (wasm), pgvector in PGlite (wasm); beside them Heddle over the same rows.
 */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchContext, Figure } from '../../run/suite.ts';
import { dataSet, type DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';
import { settingsOf } from './minilm.ts';

const ROWS = 10_000;
const K = 10;
const EFS = [16, 64, 200];

type Rows = Record<string, unknown>[];

export async function measureSmallPeers(
  context: BenchContext,
  name: DataSet['name'],
  peers: readonly string[],
  rows: Rows,
): Promise<Figure[]> {
  const set = dataSet(name, context.root, context.cache, Math.min(ROWS, Number(context.option('rows') ?? ROWS)));
  await heddle(set, rows);
  if (peers.includes('edgevec')) await edgevec(set, rows);
  if (peers.includes('usearch')) usearch(context.root, set, rows);
  if (peers.includes('pgvector')) await pgvector(context.root, set, rows);
  return [];
}

/** What the peers of this part are to be read beside. */
async function heddle(set: DataSet, rows: Rows): Promise<void> {
  const page = await EnginePage.open(set);
  try {
    const { rate } = await page.build(settingsOf(set));
    for (const ef of EFS) {
      await page.warm(ef);
      rows.push({ set: set.name, rows: set.rows, engine: 'heddle sq', buildPerCpuS: rate, ...(await page.search(ef, K)) });
    }
  } finally {
    await page.close();
  }
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

const PG_BATCH = 500;
const PG_QUERIES = 200;

/** Of this process. */
function cpuS(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
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

interface Postgres {
  exec(sql: string): Promise<unknown>;
  query<Row>(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  close(): Promise<void>;
}

/** PGlite (Postgres in wasm) with pgvector's HNSW in this process, in memory; rated by the process's own CPU time. */
async function pgvector(root: string, set: DataSet, rows: Rows): Promise<void> {
  const require = createRequire(join(root, 'bench/package.json'));
  const { PGlite } = require('@electric-sql/pglite') as { PGlite: { create(options: unknown): Promise<Postgres> } };
  const { vector } = require('@electric-sql/pglite-pgvector') as { vector: unknown };
  const db = await PGlite.create({ extensions: { vector } });
  const base = floats(set.base);
  const queries = floats(set.query);
  const truth = new Uint32Array(Uint8Array.from(readFileSync(set.truth)).buffer);
  const perQuery = truth.length / set.queries;
  const text = (from: Float32Array, row: number): string =>
    `[${from.subarray(row * set.dimensions, (row + 1) * set.dimensions).join(',')}]`;
  try {
    await db.exec(
      `CREATE EXTENSION vector; CREATE TABLE rows (id int, v vector(${set.dimensions})); SET maintenance_work_mem = '512MB'; SET enable_seqscan = off;`,
    );
    for (let row = 0; row < set.rows; row += PG_BATCH) {
      const values = Array.from({ length: Math.min(PG_BATCH, set.rows - row) }, (_, i) => `(${row + i}, '${text(base, row + i)}')`);
      await db.exec(`INSERT INTO rows VALUES ${values.join(',')}`);
    }
    const [operator, kind] = set.distance === 'cosine' ? ['<#>', 'vector_ip_ops'] : ['<->', 'vector_l2_ops'];
    const began = cpuS();
    await db.exec(`CREATE INDEX ON rows USING hnsw (v ${kind}) WITH (m = 16, ef_construction = 200)`);
    const buildPerCpuS = set.rows / (cpuS() - began);
    for (const ef of EFS) {
      await db.exec(`SET hnsw.ef_search = ${ef}`);
      const started = cpuS();
      let found = 0;
      for (let q = 0; q < PG_QUERIES; q++) {
        const { rows: hits } = await db.query<{ id: number }>(`SELECT id FROM rows ORDER BY v ${operator} $1 LIMIT ${K}`, [
          text(queries, q),
        ]);
        const nearest = truth.subarray(q * perQuery, q * perQuery + K);
        for (const { id } of hits) if (nearest.includes(id)) found++;
      }
      const qps = PG_QUERIES / (cpuS() - started);
      rows.push({ set: set.name, rows: set.rows, engine: 'pgvector in PGlite', ef, buildPerCpuS, recall: found / (PG_QUERIES * K), qps });
    }
  } finally {
    await db.close();
  }
}
