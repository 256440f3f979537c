/** Every build opens the databases that released versions wrote, finds all of them, and can go on writing. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Collection, Database, Filters, OutputOf } from '../src/client/api.ts';
import { connect } from '../workers/node.ts';
import { CONFIG, DIMENSIONS, type Article, type Expected, expectedArticles } from './golden/content.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const versions = readdirSync(GOLDEN).filter((name) => /^\d+\.\d+\.\d+$/.test(name));

function unpack(version: string, into: string): void {
  const from = join(GOLDEN, version);
  for (const name of readdirSync(from, { recursive: true })) {
    const file = join(from, String(name));
    if (!statSync(file).isFile()) continue;
    const target = join(into, relative(from, file).replace(/\.br$/, ''));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, brotliDecompressSync(readFileSync(file)));
  }
}

/** Dates come back as `Date`s; absent properties are absent. */
function asWritten(properties: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]));
}

async function contentOf(articles: Collection<typeof CONFIG>): Promise<Map<string, Expected>> {
  const found = new Map<string, Expected>();
  for await (const { properties, vectors } of articles.iterator({ includeVector: true })) {
    const plain = Object.fromEntries(Object.entries(vectors).map(([name, vector]) => [name, Array.from(vector as Float32Array)]));
    found.set(properties.path, { properties: asWritten(properties) as unknown as Article, vectors: plain });
  }
  return found;
}

const pathsWhere = (all: ReadonlyMap<string, Expected>, holds: (article: Article) => boolean): string[] =>
  [...all.values()].flatMap(({ properties }) => (holds(properties) ? [properties.path] : [])).sort();

function cosineOrder(all: ReadonlyMap<string, Expected>, query: readonly number[]): string[] {
  const norm = (v: readonly number[]) => Math.hypot(...v);
  const distance = (v: readonly number[]) => 1 - v.reduce((sum, x, d) => sum + x * query[d], 0) / (norm(v) * norm(query));
  const rows = [...all.values()].flatMap(({ properties, vectors }) =>
    vectors.meaning ? [{ path: properties.path, distance: distance(vectors.meaning) }] : [],
  );
  return rows.sort((a, b) => a.distance - b.distance).map(({ path }) => path);
}

it('there is a golden database', () => expect(versions).not.toEqual([]));

describe.each(versions)('the golden database of version %s', (version) => {
  const expected = expectedArticles();
  let folder: string;
  let db: Database;
  let articles: Collection<typeof CONFIG>;
  const open = async (): Promise<void> => {
    db = await connect('golden', { storage: { path: folder } });
    articles = await db.collections.ensure('Article', CONFIG);
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-golden-'));
    unpack(version, folder);
    await open();
  });
  afterEach(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });

  const found = async (filters: Filters<OutputOf<typeof CONFIG>>): Promise<string[]> => {
    const { objects } = await articles.query.fetchObjects({ filters, limit: 2_000 });
    return objects.map(({ properties }) => properties.path).sort();
  };

  it('holds every object with its vectors', async () => {
    expect(await articles.length()).toBe(expected.size);
    const content = await contentOf(articles);
    expect([...content.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [path, { properties, vectors }] of expected)
      expect(content.get(path), path).toEqual({ properties: { ...properties }, vectors });
    expect(await db.verify()).toEqual([]);
  });

  it('answers filters, words and vectors', async () => {
    expect(await found({ stars: { greaterThan: 3 } })).toEqual(pathsWhere(expected, ({ stars }) => stars !== undefined && stars > 3));
    expect(await found({ tags: { containsAny: ['rope', 'anchor'] } })).toEqual(
      pathsWhere(expected, ({ tags }) => tags.includes('rope') || tags.includes('anchor')),
    );
    expect(await found({ edited: { lessThan: '2022-01-01T00:00:00Z' } })).toEqual(
      pathsWhere(expected, ({ edited }) => edited !== undefined && edited < '2022'),
    );
    expect(await found({ public: { equal: true } })).toEqual(pathsWhere(expected, (article) => article.public === true));
    const { objects } = await articles.query.bm25('violin', { queryProperties: ['title'], limit: 2_000 });
    expect(objects.map(({ properties }) => properties.path).sort()).toEqual(
      pathsWhere(expected, ({ title }) => title.split(' ').includes('violin')),
    );
    const query = Array.from({ length: DIMENSIONS }, (_, d) => Math.sin(d + 1));
    const near = await articles.query.nearVector(query, { targetVector: 'meaning', limit: 10 });
    const nearest = cosineOrder(expected, query).slice(0, 10);
    const hits = near.objects.filter(({ properties }) => nearest.includes(properties.path));
    expect(hits.length).toBeGreaterThanOrEqual(9);
  });

  it('can be written to, merged and opened again', async () => {
    await articles.data.upsert(
      { path: 'notes/new', title: 'a new lantern', tags: [] },
      { vectors: { meaning: Array.from({ length: DIMENSIONS }, () => 1) } },
    );
    await articles.data.deleteMany({ path: { equal: 'notes/1' } });
    await db.compact();
    await db.close();
    await open();
    const content = await contentOf(articles);
    expect(content.size).toBe(expected.size);
    expect(content.has('notes/new')).toBe(true);
    expect(content.has('notes/1')).toBe(false);
  });
});
