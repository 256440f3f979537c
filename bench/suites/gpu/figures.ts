/** The figures that a full run of the suite gives. */
export const FIGURES: readonly string[] = [
  'gpu.adapter',
  'gpu.exact.1k-queries-ms',
  'gpu.exact.share-of-peak',
  'gpu.graph-search.vs-wasm',
  'gpu.build-100k-s',
  'gpu.build-1m-s',
  'gpu.build.recall-loss',
  'gpu.kernels',
  'gpu.kernels-wrong',
];
