/**
 * What the golden databases hold: every property type, named vectors with a graph, updates, deletes, flushed and merged
 * segments, and a log that still has to be replayed. Deterministic but for times and sequence numbers.
 *
 * The content of a released golden database never changes; what a later format adds goes into a function of its own.
 */
import { SeededRandom } from '../../src/core/clock.ts';
import type { Database } from '../../src/client/database.ts';

export const DIMENSIONS = 12;
/** Enough that the vector index leaves the exact scan and has a graph. */
const ARTICLES = 1_400;

export const CONFIG = {
  properties: {
    path: { type: 'text', tokenization: 'field' },
    title: 'text',
    body: { type: 'text', optional: true, stemming: 'english' },
    tags: 'text[]',
    stars: 'int?',
    weight: 'number?',
    weights: 'number[]?',
    public: 'boolean?',
    edited: 'date?',
    owner: 'uuid?',
    place: 'geoCoordinates?',
    author: { type: 'object', optional: true, properties: { name: 'text', age: 'int?' } },
  },
  key: 'path',
  vectors: { meaning: { dimensions: DIMENSIONS }, look: { dimensions: 3, distance: 'l2-squared', index: 'flat' } },
} as const;

export interface Article {
  path: string;
  title: string;
  body?: string;
  tags: string[];
  stars?: number;
  weight?: number;
  weights?: number[];
  public?: boolean;
  edited?: string;
  owner?: string;
  place?: { latitude: number; longitude: number };
  author?: { name: string; age?: number };
}

export interface Expected {
  readonly properties: Article;
  readonly vectors: { readonly meaning?: readonly number[]; readonly look?: readonly number[] };
}

const WORDS = 'tap kitchen washer ladder violin rope lantern copper anchor meadow river stone winter cellar'.split(' ');

/** The objects as they are to be found, by path. */
export function expectedArticles(): Map<string, Expected> {
  const random = new SeededRandom(20_26);
  const int = (below: number): number => Math.floor(random.next() * below);
  const word = (): string => WORDS[int(WORDS.length)];
  const vector = (length: number): number[] => Array.from({ length }, () => Math.fround(random.next() * 2 - 1));
  const articles = new Map<string, Expected>();
  for (let n = 0; n < ARTICLES; n++) {
    const properties: Article = { path: `notes/${n}`, title: `${word()} ${word()} ${n}`, tags: [word(), word()] };
    if (n % 3 !== 0) properties.body = `The ${word()}s were ${word()}ing behind the ${word()}, “${word()}” said Zoë.`;
    if (n % 2 === 0) properties.stars = int(6);
    if (n % 5 === 0) properties.weight = int(1_000) / 8;
    if (n % 7 === 0) properties.weights = [int(9), int(9) / 2];
    if (n % 4 !== 0) properties.public = n % 8 < 4;
    if (n % 6 === 0) properties.edited = new Date(Date.UTC(2020 + int(6), int(12), 1 + int(28))).toISOString();
    if (n % 9 === 0) properties.owner = `018f0000-0000-7000-8000-${String(n % 5).padStart(12, '0')}`;
    if (n % 10 === 0) properties.place = { latitude: int(160) - 80, longitude: int(340) - 170 };
    if (n % 11 === 0) properties.author = n % 2 === 0 ? { name: word() } : { name: word(), age: int(90) };
    articles.set(properties.path, { properties, vectors: { meaning: vector(DIMENSIONS), ...(n % 13 === 0 ? { look: vector(3) } : {}) } });
  }
  for (let n = 0; n < ARTICLES; n += 17) articles.delete(`notes/${n}`);
  for (let n = 5; n < ARTICLES; n += 100) patched(articles, `notes/${n}`);
  return articles;
}

function patched(articles: Map<string, Expected>, path: string): void {
  const old = articles.get(path);
  if (old !== undefined) articles.set(path, { ...old, properties: { ...old.properties, title: 'patched', stars: 5 } });
}

/** Writes the content into an empty database, with flushes and a merge in between, and leaves the end of it in the log. */
export async function writeGolden(db: Database): Promise<void> {
  const articles = await db.collections.ensure('Article', CONFIG);
  const rows = everyArticle();
  const cuts = [0, 500, 900, 1_250, rows.length];
  for (let at = 0; at + 1 < cuts.length; at++) {
    await articles.data.upsertMany(rows.slice(cuts[at], cuts[at + 1]));
    if (at < 2) await db.flush();
    if (at === 1) await db.compact();
  }
  const final = expectedArticles();
  for (const { properties } of rows) {
    const { path } = properties;
    if (!final.has(path)) await articles.data.deleteMany({ path: { equal: path } });
    else if (final.get(path)?.properties.title === 'patched')
      await articles.data.update({ properties: { path, title: 'patched', stars: 5 } });
  }
}

/** All rows as first written: the final ones, with the deleted and the patched ones as they were. */
function everyArticle(): { properties: Article; vectors: Expected['vectors'] }[] {
  const final = expectedArticles();
  return Array.from({ length: ARTICLES }, (_, n) => {
    const path = `notes/${n}`;
    const known = final.get(path);
    if (known === undefined)
      return {
        properties: { path, title: `gone ${n}`, tags: ['gone'], stars: 1 },
        vectors: { meaning: Array.from({ length: DIMENSIONS }, (_v, d) => Math.cos(n + d)) },
      };
    const properties = known.properties.title === 'patched' ? { ...known.properties, title: `before ${n}`, stars: 0 } : known.properties;
    return { properties, vectors: known.vectors };
  });
}
