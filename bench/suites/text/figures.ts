/** Names that a full run gives. */
export const figures: readonly string[] = [
  'text.or.p50.vs-minisearch',
  'text.or.p99.vs-minisearch',
  'text.and.vs-fts5',
  'text.index.vs-minisearch',
  'text.index.vs-fts5',
  'text.reopen-ms',
  'text.bytes.vs-fts5',
  'text.prefix.p95-ms',
];
