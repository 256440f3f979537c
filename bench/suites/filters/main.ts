/**
 * npm run bench -- filters [--sizes 100000,1000000] [--json FILE]
 *
 * Time to build the allow-list of one condition, for each operator, in Node over the real store on the file system, after all
 * segments were merged. The same index and store run in the browser's workers; the bytes come from the block cache or from
 * one read. Figures are the mean processor time of one evaluation, which holds on a loaded machine. `live` is what is left after one object in twenty was deleted, so that complements and dead docIDs are in it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../../src/core/clock.ts';
import type { FilterInput } from '../../../src/schema/filter.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import { parseFilter } from '../../../src/schema/parse-filter.ts';
import { nodeVfs } from '../../../src/vfs/node.ts';
import { median, rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { TextShard } from '../text/text-shard.ts';

export { figures } from './figures.ts';

const SCHEMA = normalize('Thing', {
  properties: {
    price: { type: 'number', indexFilterable: false, indexRangeFilters: true },
    stars: 'int',
    kind: { type: 'text', tokenization: 'field', indexSearchable: false },
    title: 'text?',
    tags: { type: 'text[]', tokenization: 'field', indexSearchable: false },
    done: 'boolean',
    place: 'geoCoordinates',
  },
  invertedIndex: { indexNullState: true, indexPropertyLength: true, indexTimestamps: true },
});
const KINDS = ['book', 'film', 'song', 'map', 'poem', 'game', 'play', 'talk', 'news', 'tool'];
const WORDS = ['river', 'stone', 'light', 'house', 'green', 'quiet', 'early', 'north'];
const FLUSH_OBJECTS = 100_000;
const REPEATS = 15;

const FILTERS: Readonly<Record<string, FilterInput>> = {
  'greaterThan, range index, half': { price: { greaterThan: 500 } },
  'greaterThan and lessThan, range index, a tenth': { price: { greaterThan: 400, lessThan: 500 } },
  'lessOrEqual, range index, one in a thousand': { price: { lessOrEqual: 1 } },
  'equal, a tenth': { kind: 'film' },
  'notEqual, nine tenths': { kind: { notEqual: 'film' } },
  'equal, one of five ints': { stars: 3 },
  'greaterThan, five ints, no range index': { stars: { greaterThan: 2 } },
  'equal, boolean, half': { done: true },
  'equal, one word of text': { title: 'river' },
  'equal, two words of text': { title: 'river stone' },
  'like, prefix': { title: { like: 'ri*' } },
  'containsAny, three values': { tags: { containsAny: ['tag1', 'tag2', 'tag3'] } },
  'containsAll, two values': { tags: { containsAll: ['tag1', 'tag2'] } },
  isNull: { title: { isNull: true } },
  length: { 'len(tags)': { greaterThan: 2 } },
  'creation time, half': { _creationTime: { greaterThan: new Date(500_000) } },
  'within 100 km': { place: { withinGeoRange: { latitude: 52.5, longitude: 13.4, distance: 100_000 } } },
  'and of three': { and: [{ price: { greaterThan: 250 } }, { kind: 'film' }, { done: true }] },
  'or of two': { or: [{ kind: 'film' }, { stars: 5 }] },
  not: { not: { kind: 'film' } },
};

const pick = <T>(random: SeededRandom, from: readonly T[]): T => from[random.int(from.length)];

function valuesOf(random: SeededRandom): unknown[] {
  const tags = [...new Set(Array.from({ length: random.int(4) }, () => `tag${random.int(50)}`))];
  const title = random.next() < 0.1 ? null : `${pick(random, WORDS)} ${pick(random, WORDS)}`;
  return [
    random.next() * 1000,
    1 + random.int(5),
    pick(random, KINDS),
    title,
    tags,
    random.next() < 0.5,
    { latitude: random.next() * 170 - 85, longitude: random.next() * 360 - 180 },
  ];
}

async function shardOf(folder: string, size: number): Promise<TextShard> {
  const shard = await TextShard.open(nodeVfs(folder), SCHEMA);
  const random = new SeededRandom(size);
  const nothing = new Uint8Array(8);
  for (let i = 0; i < size; i++) {
    shard.add(valuesOf(random), nothing, Math.floor((i / size) * 1_000_000));
    if (i % FLUSH_OBJECTS === FLUSH_OBJECTS - 1) shard.flush();
  }
  shard.flush();
  for (let docID = 0; docID < size; docID += 20) shard.kill(docID);
  shard.compact();
  return shard;
}

export async function run(context: BenchContext): Promise<SuiteResult> {
  const sizes = (context.option('sizes') ?? '100000,1000000').split(',').map(Number);
  const rows: Record<string, unknown>[] = [];
  for (const size of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'heddle-filters-'));
    const shard = await shardOf(folder, size);
    context.log(`${size} objects: ${shard.bytes} bytes in segments`);
    for (const [name, input] of Object.entries(FILTERS)) {
      const filter = parseFilter(input, SCHEMA);
      const times: number[] = [];
      let matched = 0;
      const before = process.cpuUsage();
      for (let i = 0; i < REPEATS; i++) {
        const started = performance.now();
        const allowed = shard.inverted.allowList(filter);
        times.push(performance.now() - started);
        matched = allowed.count();
      }
      const { user, system } = process.cpuUsage(before);
      const row = {
        objects: size,
        filter: name,
        matched,
        firstMs: rounded(times[0]),
        medianMs: rounded(median(times)),
        cpuMs: rounded((user + system) / 1000 / REPEATS),
      };
      rows.push(row);
      context.log(`  ${name}: ${matched} objects, first ${row.firstMs} ms, median ${row.medianMs} ms, processor ${row.cpuMs} ms`);
    }
    await shard.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const of = (name: string): number => rows.find((row) => row.objects === 1_000_000 && row.filter === name)?.cpuMs as number;
  const figures: Figure[] = sizes.includes(1_000_000)
    ? [
        { name: 'filters.range-1m-ms', value: of('greaterThan, range index, half'), unit: 'CPU ms', goal: '<= 5' },
        { name: 'filters.equal-1m-ms', value: of('equal, a tenth'), unit: 'CPU ms' },
      ]
    : [];
  return { figures, rows };
}
