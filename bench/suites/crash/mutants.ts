/** Engines broken from inside: one line each, all of them on the way to "saved". Every one has to be caught. */
import type { Mutant } from './mutant-build.ts';

const LOG = 'src/lsm/log.ts';
const OPEN = 'src/lsm/host-open.ts';
const HOST = 'src/lsm/host-storage.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'checksum of log frames ignored',
    file: 'src/lsm/log-frame.ts',
    find: 'if (crc32c(bytes, frameSeed(hostSeed, file, at), at + LENGTH_AT, end) !== crc) return null;',
    replace: '',
  },
  {
    name: 'checksum of the manifest ignored',
    file: 'src/lsm/manifest.ts',
    find: 'if (end > bytes.length || view.getUint32(BODY_CRC_AT, true) !== crc32c(bytes, 0, MANIFEST_HEADER_BYTES, end)) return null;',
    replace: 'if (end > bytes.length) return null;',
  },
  {
    name: 'both generations in one manifest file',
    file: 'src/lsm/manifest-files.ts',
    find: 'const file = files[manifest.generation % files.length];',
    replace: 'const file = files[0];',
  },
  {
    name: 'log needed from the newest group only',
    file: LOG,
    find: 'if (!isCovered(file, flushedSequence)) return file.firstGroup;',
    replace: '',
  },
  { name: 'acknowledged before the log is flushed', file: HOST, find: "if (mode === 'strict') this.log.flush();", replace: '' },
  {
    name: 'power promised without the mirror',
    file: HOST,
    find: "return mode === 'strict' && (this.settling.isSettled || isMirrored) ? 'power' : 'process';",
    replace: "return isMirrored ? 'power' : 'power';",
  },
  {
    name: 'a reload settles the files',
    file: OPEN,
    find: 'const settleMs = newest.settled ? 0 : settleMsOf(options, limits);',
    replace: 'const settleMs = 0;',
  },
  {
    name: 'the mirror not read at open',
    file: OPEN,
    find: 'const mirrored = options.mirror === null ? [] : await readMirror(options.mirror);',
    replace: 'const mirrored: MirrorRecord[] = [];',
  },
  {
    name: 'records not yet in segments replayed twice',
    file: 'src/lsm/log-recovery.ts',
    find: 'return shard !== undefined && group > shard.createdAfterGroup && sequence > shard.flushedSequence;',
    replace: 'return shard !== undefined && group > shard.createdAfterGroup;',
  },
  { name: 'a torn frame ends nothing', file: LOG, find: 'this.at = frame.end;', replace: 'this.at = 0;' },
  {
    name: 'merges drop what the log still has to kill',
    file: 'src/shard/object-store.ts',
    find: 'keep: (key) => this.kept.has(u32OfKey(key))',
    replace: 'keep: (key) => this.live.has(u32OfKey(key))',
  },
  {
    name: 'merges drop rows the log still has to hand on',
    file: 'src/shard/vector-field.ts',
    find: 'keep: (docID) => kept.has(docID),',
    replace: 'keep: (docID) => kept.has(docID) && this.present.has(docID),',
  },
  {
    name: 'deaths not written to segments',
    file: 'src/shard/object-store.ts',
    find: '{ bucket: DEATHS, entries: deathEntries(frozen.deaths) },',
    replace: '{ bucket: DEATHS, entries: deathEntries([]) },',
  },
  {
    name: 'requests forgotten when the log is replayed',
    file: 'src/shard/engine-host.ts',
    find: 'this.requests.add(id, record.request, { sequence, written: record.operations.length, failures: record.failures });',
    replace: '',
  },
  {
    name: 'a new schema not logged',
    file: 'src/shard/engine-host.ts',
    find: 'this.storage.append(shard.id, sequence, RecordType.schema, [utf8(JSON.stringify(schema))]);',
    replace: '',
  },
  {
    name: 'manifest written before the data it names',
    file: 'src/lsm/container-writer.ts',
    find: '    this.trim();\n    flushExtents(this.space, this.extents);',
    replace: '    this.trim();\n    const { space, extents } = this; queueMicrotask(() => flushExtents(space, extents));',
  },
  {
    name: 'docIDs given out again after an opening',
    file: 'src/shard/shard.ts',
    find: 'this.meta = { ...before, schema, nextDocID, hlc, ...reindex };',
    replace: 'this.meta = { ...before, schema, nextDocID: 0, hlc, ...reindex };',
  },
];
