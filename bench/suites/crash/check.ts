/**
 * Opens what a crash left and holds it against the history: is everything acknowledged there, is every batch there whole or
 * not at all, does every index agree with the objects?
 */
import { fromUtf8 } from '../../../src/core/bytes.ts';
import type { SeededRandom } from '../../../src/core/clock.ts';
import { uuidText } from '../../../src/core/ids.ts';
import { readObjectPage } from '../../../src/protocol/object-page.ts';
import type { ShardSearch } from '../../../src/query/shard-search.ts';
import type { ShardHost } from '../../../src/shard/engine-host.ts';
import { idOf } from './encode.ts';
import type { History } from './history.ts';
import { Fingerprint, type ModelObject } from './model.ts';
import { VECTOR, VECTOR_ORDINAL } from './subject.ts';
import { BACKGROUND_SHARD, DIMENSIONS, STARS_MAX, TAGS, WORDS } from './workload.ts';

export type ViolationKind = 'lost' | 'partial' | 'resurrected' | 'disagreeing' | 'unopenable';

export class Violation extends Error {
  override readonly name = 'Violation';
  readonly kind: ViolationKind;
  constructor(kind: ViolationKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

interface FoundObject extends ModelObject {
  readonly docID: number;
}

/** Objects a scan asks for at a time; small, so that scans go on from a key. */
const PAGE = 64;

export async function contentOf(host: ShardHost, shard: number): Promise<Map<number, FoundObject>> {
  const content = new Map<number, FoundObject>();
  for (let after: Uint8Array | null = null; ;) {
    const page = await host.scan(shard, after, PAGE, { properties: null, vectors: [VECTOR_ORDINAL] });
    for (const { docID, record, vectors } of readObjectPage(page.bytes)) {
      const id = idOf(record.uuid);
      if (content.has(id)) throw new Violation('disagreeing', `shard ${shard}: a scan gives ${uuidText(record.uuid)} twice`);
      content.set(id, {
        docID,
        values: JSON.parse(fromUtf8(record.properties)) as unknown[],
        vector: vectors.length > 0 ? Array.from(vectors[0].values) : null,
      });
    }
    if (page.last === null) return content;
    after = page.last;
  }
}

export interface Allowed {
  readonly history: History;
  /** The state after any operation from `first` to `last` is right. */
  readonly first: number;
  readonly last: number;
}

/** Compares every shard with the history; returns what was found. */
export async function checkContent(host: ShardHost, { history, first, last }: Allowed): Promise<Map<number, Map<number, FoundObject>>> {
  const found = new Map<number, Map<number, FoundObject>>();
  const hosted = new Map((await host.shards()).map(({ shard, schema }) => [shard, schema.version]));
  for (const shard of hosted.keys())
    if (![...history.shards].includes(shard)) throw new Violation('resurrected', `shard ${shard} is there and never was`);
  for (const shard of history.shards) {
    const states = history.between(shard, first, last);
    const version = hosted.get(shard);
    if (version === undefined) {
      if (!states.some((state) => state.shard === null))
        throw new Violation('lost', `shard ${shard} is gone; it should be as after operation ${first} to ${last}`);
      continue;
    }
    const content = await contentOf(host, shard);
    const fingerprint = new Fingerprint();
    for (const [id, { values, vector }] of content) fingerprint.add(id, values, vector);
    const match = states.find(
      (state) => state.shard !== null && state.fingerprint === fingerprint.value && state.shard.schemaVersion === version,
    );
    if (match === undefined) throw explain(history, shard, { first, last }, content, fingerprint.value, version);
    found.set(shard, content);
  }
  return found;
}

/** Says how the content differs from every state it may have. */
function explain(
  history: History,
  shard: number,
  { first, last }: { first: number; last: number },
  content: ReadonlyMap<number, FoundObject>,
  fingerprint: number,
  version: number,
): Violation {
  const where = `shard ${shard}, which should be as after operation ${first} to ${last}`;
  const earlier = history.when(shard, fingerprint);
  const states = history.between(shard, first, last).filter((state) => state.shard !== null);
  if (states.length === 0) return new Violation('resurrected', `${where}: it should not exist and has ${content.size} objects`);
  if (earlier !== null && earlier < first)
    return new Violation('lost', `${where}: it is as after operation ${earlier}, schema version ${version}`);
  const oldest = states[0].shard?.objects ?? new Map<number, ModelObject>();
  const newest = states[states.length - 1].shard?.objects ?? new Map<number, ModelObject>();
  const gone = [...oldest.keys()].filter((id) => newest.has(id) && !content.has(id));
  if (gone.length > 0) return new Violation('lost', `${where}: objects ${gone.slice(0, 10).join(', ')} are gone`);
  const back = [...content.keys()].filter((id) => !oldest.has(id) && !newest.has(id));
  if (back.length > 0) return new Violation('resurrected', `${where}: objects ${back.slice(0, 10).join(', ')} are back`);
  const odd = [...content].filter(
    ([id, object]) =>
      ![oldest, newest].some(
        (state) => JSON.stringify([state.get(id)?.values, state.get(id)?.vector]) === JSON.stringify([object.values, object.vector]),
      ),
  );
  return new Violation(
    'partial',
    `${where}: its content is that of no operation (schema version ${version}, ${content.size} objects; ${odd
      .slice(0, 3)
      .map(([id, object]) => `${id}: ${JSON.stringify(object)}, expected ${JSON.stringify(newest.get(id))}`)
      .join('; ')})`,
  );
}

const BARE: ShardSearch = {
  filter: null,
  vector: null,
  keyword: null,
  stats: null,
  sort: [],
  candidates: 100,
  after: null,
  groupBy: null,
  facets: [],
  totalCount: false,
  explain: false,
};

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
const sorted = (ids: Iterable<number>): number[] => [...ids].sort((a, b) => a - b);
function idsOf(uuids: Uint8Array): number[] {
  return Array.from({ length: uuids.length / 16 }, (_, i) => idOf(uuids.subarray(i * 16, i * 16 + 16)));
}

/** `exact`: the nearest, all of them. `graph`: what a walk gives has to be there at its right distance, but may be not the nearest. */
export type VectorCheck = 'exact' | 'graph';

/** Asks every index of a shard something random and compares the answer with a plain look through the objects. */
export async function checkIndexes(
  host: ShardHost,
  shard: number,
  content: ReadonlyMap<number, FoundObject>,
  random: SeededRandom,
  vectors: VectorCheck = 'exact',
): Promise<void> {
  const expect = (what: string, got: readonly number[], wanted: readonly number[]): void => {
    if (!same(got, wanted))
      throw new Violation('disagreeing', `shard ${shard}, ${what}: objects ${got.join()} instead of ${wanted.join()}`);
  };
  const where = (holds: (object: FoundObject) => boolean): number[] =>
    sorted([...content].filter(([, object]) => holds(object)).map(([id]) => id));
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)];

  const count = await host.count(shard);
  if (count !== content.size) throw new Violation('disagreeing', `shard ${shard}: count says ${count}, a scan finds ${content.size}`);

  const tag = pick(TAGS);
  const tagged = await host.match(shard, { op: 'equal', target: { kind: 'property', path: 'tag' }, value: tag }, 10_000);
  expect(
    `tag = ${tag}`,
    sorted(idsOf(tagged)),
    where(({ values }) => values[1] === tag),
  );

  const stars = random.int(STARS_MAX);
  const starred = await host.match(shard, { op: 'greaterOrEqual', target: { kind: 'property', path: 'stars' }, value: stars }, 10_000);
  expect(
    `stars >= ${stars}`,
    sorted(idsOf(starred)),
    where(({ values }) => typeof values[2] === 'number' && values[2] >= stars),
  );

  const word = pick(WORDS);
  const keyword = await host.search(shard, {
    ...BARE,
    keyword: {
      query: word,
      properties: [{ path: 'title', boost: 1 }],
      operator: 'or',
      minimumMatch: 1,
      prefix: false,
      typos: 0,
      phrases: false,
      highlight: null,
    },
  });
  expect(
    `keyword ${word}`,
    sorted(idsOf(keyword.keyword?.uuids ?? new Uint8Array(0))),
    where(({ values }) =>
      String(values[0] ?? '')
        .split(' ')
        .includes(word),
    ),
  );

  const query = Array.from({ length: DIMENSIONS }, () => random.int(40) - 20);
  const candidates = 5;
  const nearest = await host.search(shard, {
    ...BARE,
    candidates,
    vector: {
      targets: [{ name: VECTOR, query: Float32Array.from(query), weight: 1 }],
      combination: 'minimum',
      maxDistance: null,
      ef: null,
    },
  });
  const distanceOf = (vector: readonly number[]): number => vector.reduce((sum, value, i) => sum + (value - query[i]) ** 2, 0);
  const wanted = [...content.values()]
    .flatMap(({ vector }) => (vector === null ? [] : [distanceOf(vector)]))
    .sort((a, b) => a - b)
    .slice(0, candidates);
  const distances = Array.from(nearest.vector?.scores ?? []);
  if (vectors === 'exact') expect(`distances to ${query.join()}`, distances, wanted);
  for (const [i, id] of idsOf(nearest.vector?.uuids ?? new Uint8Array(0)).entries()) {
    const vector = content.get(id)?.vector;
    if (!vector || distanceOf(vector) !== distances[i])
      throw new Violation(
        'disagreeing',
        `shard ${shard}: the search gives object ${id} at distance ${distances[i]}, its vector is ${vector?.join() ?? 'missing'}`,
      );
  }
  if (shard === BACKGROUND_SHARD) {
    const pending = await host.pendingVectors(shard, VECTOR_ORDINAL, 10_000);
    expect(
      'objects that wait for a vector',
      sorted(pending.map(({ uuid }) => idOf(uuid))),
      where(({ vector }) => vector === null),
    );
  }
}

/** All of it, for every shard. `verify` also reads every block: thorough, and slow. */
export async function checkHost(
  host: ShardHost,
  allowed: Allowed,
  random: SeededRandom,
  verify: boolean,
  vectors: VectorCheck = 'exact',
): Promise<void> {
  for (const [shard, content] of await checkContent(host, allowed)) await checkIndexes(host, shard, content, random, vectors);
  if (!verify) return;
  const findings = await host.verify();
  if (findings.length > 0) throw new Violation('disagreeing', `verify: ${findings.slice(0, 3).join('; ')}`);
}
