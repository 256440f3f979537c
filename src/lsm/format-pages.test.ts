import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { MemoryMirror } from '../vfs/mirror-memory.ts';
import { MemoryDirectory, memoryVfs } from '../vfs/memory.ts';
import { readMirror } from './first-minute.ts';
import { readFrame, readRecords } from './log-frame.ts';
import { decodeManifest, encodeManifest } from './manifest.ts';
import { entriesOf, noMeta, openStorage, replaceBucket } from './testing.ts';

/** The bytes of the last code block of a page: pairs of hex digits up to the comment; `7a × 3` stands for three bytes. */
function exampleOf(page: string): Uint8Array {
  const text = readFileSync(new URL(`../../docs/format/${page}.md`, import.meta.url), 'utf8');
  const block = text.split('```').at(-2)!;
  const bytes = block.split('\n').flatMap((line) => {
    const many = /^([0-9a-f]{2}) × (\d+)/.exec(line);
    if (many !== null) return new Array<number>(Number(many[2])).fill(parseInt(many[1], 16));
    return (/^[0-9a-f]{2}(?: [0-9a-f]{2})*/.exec(line)?.[0] ?? '')
      .split(' ')
      .filter(Boolean)
      .map((pair) => parseInt(pair, 16));
  });
  return new Uint8Array(bytes);
}

const hostId = new Uint8Array(16).fill(0x42);

test('the log page’s frame decodes to what the page says, and nowhere else', () => {
  const bytes = new Uint8Array(64 + exampleOf('log').length);
  bytes.set(exampleOf('log'), 64);
  const frame = readFrame(bytes, 64, crc32c(hostId), 0)!;
  expect(frame).toMatchObject({
    epoch: 1,
    group: 5,
    durableGroup: 4,
    generation: 2,
    previousCrc: 0x11223344,
    records: 1,
    end: bytes.length,
  });
  expect([...readRecords(frame.payload)].map((record) => ({ ...record, payload: fromUtf8(record.payload) }))).toEqual([
    { shard: 3, sequence: 7, type: 1, payload: 'hi' },
  ]);
  expect(readFrame(bytes, 64, crc32c(hostId), 1)).toBeNull();
  expect(readFrame(bytes, 64, crc32c(hostId) ^ 1, 0)).toBeNull();
});

test('the manifest page’s bytes decode to what the page says, and encode to themselves', () => {
  const bytes = exampleOf('manifest');
  const manifest = decodeManifest(bytes)!;
  expect(manifest).toMatchObject({
    hostId,
    generation: 9,
    settled: true,
    logFileBytes: 4 << 20,
    extentBytes: 16_384,
    logNeededFrom: 6,
    nextStream: 2,
  });
  expect(manifest.shards[0]).toMatchObject({
    id: 3,
    flushedSequence: 7,
    containers: [{ id: 1, byteLength: 20_000, footerBytes: 40, extents: [{ file: 0, unit: 0, units: 2 }] }],
    columns: [{ ordinal: 2, id: 2 }],
  });
  expect(manifest.streams).toEqual([{ id: 1, extents: [{ file: 1, unit: 0, units: 4 }] }]);
  expect(encodeManifest(manifest)).toEqual(bytes);
});

test('a manifest of a newer format is refused, whatever its body is', () => {
  const bytes = exampleOf('manifest').slice(0, 20);
  new DataView(bytes.buffer).setUint32(4, 2, true);
  new DataView(bytes.buffer).setUint32(12, crc32c(bytes, 0, 0, 12), true);
  expect(() => decodeManifest(bytes)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
});

test('the segment and column pages’ bytes are what the store writes and reads', async () => {
  const directory = new MemoryDirectory();
  const storage = await openStorage(memoryVfs(directory), { random: { fill: (into) => (into.fill(0x42), into) } });
  const store = storage.createShard(3, noMeta);
  const bucket = replaceBucket(1);
  const entries = entriesOf([
    [utf8('ape'), utf8('A')],
    [utf8('apple'), null],
    [utf8('bee'), new Uint8Array(260).fill(0x7a)],
  ]);
  const column = { ordinal: 2, dimensions: 2, docIDs: new Uint32Array([4, 9]), rows: new Float32Array([1, 2, 3, 4]) };
  store.flush({ sections: [{ bucket, entries }], columns: [column], uptoSequence: 1, meta: noMeta });
  const [segment, rows] = store.version.containers().map((container) => {
    const bytes = new Uint8Array(container.ref.byteLength);
    container.readInto(bytes, 0);
    return bytes;
  });
  expect(segment).toEqual(exampleOf('segment'));
  expect(rows).toEqual(exampleOf('column'));
  expect(fromUtf8(store.bucket(bucket).get(utf8('ape'))!)).toBe('A');
  expect(store.bucket(bucket).get(utf8('apple'))).toBeNull();
});

test('the mirror page’s record decodes to what the page says', async () => {
  const mirror = new MemoryMirror();
  await mirror.append('host', [exampleOf('mirror')]);
  expect(await readMirror(mirror)).toEqual([{ kind: 'shard', shard: 3, meta: utf8('{}') }]);
});
