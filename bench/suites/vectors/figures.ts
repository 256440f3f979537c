/** The figures that a full run of the suite gives. */
const SETS = ['fashion-mnist', 'glove', 'minilm'];
const PER_SET = [
  'qps95.vs-hnswlib',
  'qps99.vs-hnswlib',
  'qps95.vs-hnswlib-wasm',
  'exact-walk.vs-hnswlib',
  'build.vs-hnswlib',
  'build-same-ef.vs-hnswlib',
  'build-recall-loss',
];

export const FIGURES: readonly string[] = [
  ...SETS.flatMap((set) => PER_SET.map((figure) => `vectors.${set}.${figure}`)),
  'vectors.api.p50-ms',
  'vectors.api.p99-ms',
  'vectors.api.own-width.p50-ms',
  'vectors.api.inflight32.vs-engine',
  'vectors.api.under-write.p99-ms',
  'vectors.reopen-ms',
  'vectors.bytes-per-vector',
  'vectors.building-bytes-per-vector',
  'vectors.compact-bytes-per-vector',
  'vectors.graph-disk.vs-arena',
  'vectors.growth.qps-1m.vs-10k',
  'vectors.growth.build-1m.vs-10k',
  'vectors.filtered1.recall',
  'vectors.filtered1.qps.vs-unfiltered',
  'vectors.filtered10.recall',
  'vectors.filtered10.qps.vs-unfiltered',
  'vectors.churn.recall-loss',
];
