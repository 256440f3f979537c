import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { DIMENSIONS, LEVELS, decodeVectors, encodeText, encodeVectors, measureDimensions } from '../../../scripts/lib/wordnet-payload.mjs';
import { type Manifest, decodeVector, loadText, loadVectors } from './payload.ts';

afterEach(() => vi.unstubAllGlobals());

const SYNSETS = [
  {
    words: ['be'],
    gloss: 'have the quality of being',
    examples: ['John is rich', 'This is not good'],
    pos: 'verb',
    domain: 'stative',
    uses: 10_742,
  },
  { words: ['malingerer', 'skulker'], gloss: 'someone shirking their duty', examples: [], pos: 'noun', domain: 'person', uses: 0 },
];

/** Three rows around zero, as a sentence model gives them. */
function sampleVectors(): Float32Array {
  const vectors = new Float32Array(3 * DIMENSIONS);
  for (let at = 0; at < vectors.length; at++) vectors[at] = Math.sin(at * 12.9898) / Math.sqrt(DIMENSIONS / 2);
  return vectors;
}

/** Serves the chunks by name, as the page would fetch them. */
function serve(files: Record<string, Uint8Array>, tables: object = {}): Manifest {
  vi.stubGlobal('fetch', async (url: string) => new Response(files[url.split('/').at(-1)!] as Uint8Array<ArrayBuffer>));
  const chunk = (file: string) => ({ file, bytes: files[file].length, sha256: createHash('sha256').update(files[file]).digest('hex') });
  const names = Object.keys(files);
  return {
    version: 1,
    synsets: 2,
    rowsPerChunk: 4096,
    dimensions: DIMENSIONS,
    model: 'm',
    text: names.filter((name) => name.startsWith('text')).map(chunk),
    vectors: names.filter((name) => name.startsWith('vectors')).map(chunk),
    levels: LEVELS,
    mean: [],
    scale: [],
    ...tables,
  };
}

test('text comes back as it was written, empty fields too', async () => {
  const manifest = serve({ 'text-00.bin': gzipSync(encodeText(SYNSETS)) });
  const chunk = await loadText(manifest, 0);
  expect(chunk.synsets(0, 100)).toEqual(SYNSETS.map((synset, row) => ({ row, ...synset })));
});

test('vectors decode as the script that checks them decodes them', async () => {
  const vectors = sampleVectors();
  const tables = measureDimensions(vectors);
  const manifest = serve({ 'vectors-00.bin': encodeVectors(vectors, tables) }, tables);
  const codes = await loadVectors(manifest, 0);
  const expected = decodeVectors(codes, manifest);
  for (let row = 0; row < 3; row++)
    expect(decodeVector(manifest, codes, row)).toEqual(expected.slice(row * DIMENSIONS, (row + 1) * DIMENSIONS));
});

test('a chunk that arrives damaged is refused', async () => {
  const bytes = gzipSync(encodeText(SYNSETS));
  const manifest = serve({ 'text-00.bin': bytes });
  bytes[bytes.length - 9] ^= 1;
  await expect(loadText(manifest, 0)).rejects.toThrow('text-00.bin arrived damaged');
});
