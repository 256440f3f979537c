/** Names that a full run gives. */
export const FIGURES: readonly string[] = [
  'storage.put1-p50.vs-raw',
  'storage.put1-p50.vs-best-peer',
  'storage.put64.vs-best-peer-put1',
  'storage.batch1000.vs-best-peer',
  'storage.batch1000.vs-raw',
  'storage.get.vs-sqlite',
  'storage.scan.vs-sqlite',
  'storage.reopen-ms',
  'storage.bytes-per-json-byte',
  'storage.flushes-per-commit',
  'storage.put-1m.vs-10k',
  'storage.stall-max-ms',
];
