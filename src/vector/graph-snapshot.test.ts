import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Codec, createEngine, Metric } from '../kernels/wasm/engine.ts';
import type { GraphConfig } from './graph-config.ts';
import { readSnapshot, SnapshotWriter } from './graph-snapshot.ts';
import { MemoryStreams } from './vector-fixture.ts';

/** The bytes of the two examples of the page: the header's first bytes and a whole trailer. */
function examples(): Uint8Array<ArrayBuffer>[] {
  const page = readFileSync(new URL('../../docs/format/graph-snapshot.md', import.meta.url), 'utf8');
  const blocks = page.slice(page.indexOf('## Example')).split('```');
  return [blocks[1], blocks[3]].map((block) =>
    Uint8Array.from(
      block.split('\n').flatMap((line) => /^(?:[0-9a-f]{2} )+(?= )/.exec(line)?.[0].trim().split(' ') ?? []),
      (pair) => parseInt(pair, 16),
    ),
  );
}

const config: GraphConfig = {
  dimensions: 4,
  distance: 'cosine',
  maxConnections: 16,
  codec: Codec.f32,
  segmentDimensions: 0,
  parameters: new Float32Array(0),
};
function emptyEngine(): ReturnType<typeof createEngine> {
  const engine = createEngine();
  engine.exports.configure(4, Metric.cosine, 16, 2 ** 26);
  engine.exports.useCodec(Codec.f32, 0);
  return engine;
}

test('the examples in docs/format/graph-snapshot.md are what is written and read', () => {
  const [header, trailer] = examples();
  const stream = new MemoryStreams().create();
  const writer = new SnapshotWriter(stream, emptyEngine(), 1, config);
  expect(writer.step()).toBe(false);
  const at = writer.finish(5);
  const bytes = new Uint8Array(at.trailerBytes);
  stream.read(bytes, at.trailerAt);
  expect(bytes).toEqual(trailer);
  const first = new Uint8Array(header.length);
  stream.read(first, 0);
  expect(first).toEqual(header);
  expect(readSnapshot(stream, emptyEngine(), at, () => true)).toEqual({ config, generation: 1, sequence: 5 });
});

test('a snapshot of a newer version is refused as such', () => {
  const streams = new MemoryStreams();
  const stream = streams.create();
  const writer = new SnapshotWriter(stream, emptyEngine(), 1, config);
  const at = writer.finish(5);
  streams.contents.get(stream.id)![4] = 2;
  expect(() => readSnapshot(stream, emptyEngine(), at, () => true)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
});
