/** The browser peers in a worker: hnswlib-wasm and edgevec, built over the same rows and asked the same queries. */
import { expose } from 'comlink';

interface Peer {
  add(row: Float32Array, label: number): void;
  search(query: Float32Array, k: number, ef: number): ArrayLike<number>;
}

let base = new Float32Array(0);
let queries = new Float32Array(0);
let truth = new Uint32Array(0);
let dimensions = 0;
let peer: Peer | null = null;

async function hnswlib(rows: number, distance: string, m: number, efConstruction: number): Promise<Peer> {
  Object.assign(globalThis, { window: globalThis });
  const { loadHnswlib } = await import('../../node_modules/hnswlib-wasm/dist/hnswlib.js');
  const lib = await loadHnswlib();
  const index = new lib.HierarchicalNSW(distance === 'cosine' ? 'ip' : 'l2', dimensions, '');
  index.initIndex(rows, m, efConstruction, 100);
  let width = -1;
  return {
    add: (row, label) => index.addPoint(row, label, false),
    search(query, k, ef) {
      if (ef !== width) index.setEfSearch((width = ef));
      return index.searchKnn(query, k, undefined).neighbors;
    },
  };
}

async function edgevec(_rows: number, distance: string, m: number, efConstruction: number): Promise<Peer> {
  const { default: init, EdgeVec, EdgeVecConfig } = await import('../../node_modules/edgevec/edgevec.js');
  await init();
  const config = new EdgeVecConfig(dimensions);
  // Its cosine and dot metrics return the farthest; squared distances of unit vectors rank the same.
  config.metric = distance === 'cosine' ? 'l2' : 'l2';
  config.m = m;
  config.m0 = 2 * m;
  config.ef_construction = efConstruction;
  config.ef_search = 10;
  const index = new EdgeVec(config);
  const labels = new Map<number, number>();
  return {
    add: (row, label) => void labels.set(index.insert(row), label),
    // There is no width per query: asking for `ef` results widens the search.
    search: (query, k, ef) => (index.search(query, Math.max(k, ef)) as { id: number }[]).slice(0, k).map(({ id }) => labels.get(id) ?? -1),
  };
}

const MAKERS = { 'hnswlib-wasm': hnswlib, edgevec };

const api = {
  async load(paths: readonly [string, string, string], dims: number): Promise<void> {
    const [rows, questions, answers] = await Promise.all(paths.map(async (path) => (await fetch(path)).arrayBuffer()));
    base = new Float32Array(rows);
    queries = new Float32Array(questions);
    truth = new Uint32Array(answers);
    dimensions = dims;
  },
  async build(name: keyof typeof MAKERS, distance: string, m: number, efConstruction: number): Promise<number> {
    const rows = base.length / dimensions;
    peer = await MAKERS[name](rows, distance, m, efConstruction);
    for (let row = 0; row < rows; row++) peer.add(base.subarray(row * dimensions, (row + 1) * dimensions), row);
    return rows;
  },
  search(ef: number, k: number): { recall: number } {
    const count = queries.length / dimensions;
    const perQuery = truth.length / count;
    let found = 0;
    for (let q = 0; q < count; q++) {
      const hits = (peer as Peer).search(queries.subarray(q * dimensions, (q + 1) * dimensions), k, ef);
      const nearest = new Set(truth.subarray(q * perQuery, q * perQuery + k));
      for (let i = 0; i < hits.length; i++) if (nearest.has(hits[i])) found++;
    }
    return { recall: found / (count * k) };
  },
};
export type Peers = typeof api;
expose(api);
