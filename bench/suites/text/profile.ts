/** node scripts/run.mjs bench/suites/text/profile.ts: a quick look at indexing and query speed in Node, without peers. */
import { readFileSync, rmSync } from 'node:fs';
import { SeededRandom } from '../../../src/core/clock.ts';
import { utf8 } from '../../../src/core/bytes.ts';
import { keyword, request } from '../../../src/query/testing/collection.ts';
import { planShardSearch } from '../../../src/query/plan.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import { nodeVfs } from '../../../src/vfs/node.ts';
import { TextShard } from './text-shard.ts';

const glosses = readFileSync('.cache/wordnet/synsets.jsonl', 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { gloss: string }).gloss);
const schema = normalize('Gloss', { properties: { text: { type: 'text', indexFilterable: true } } });
const folder = '/tmp/heddle-text-profile';
rmSync(folder, { recursive: true, force: true });
const cpu = (): number => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
const stored = glosses.map((text) => utf8(JSON.stringify([text])));

for (let round = 0; round < 2; round++) {
  rmSync(folder, { recursive: true, force: true });
  const shard = await TextShard.open(nodeVfs(folder), schema);
  let at = cpu();
  glosses.forEach((text, i) => shard.add([text], stored[i]));
  const added = cpu() - at;
  at = cpu();
  shard.flush();
  const flushed = cpu() - at;
  console.log(`add ${added.toFixed(0)} ms, flush ${flushed.toFixed(0)} ms, ${Math.round(glosses.length / (added + flushed))}k docs per CPU s, ${shard.store.bytes} bytes`);
  await shard.close();
}

let opened = 0;
let shard = await TextShard.open(nodeVfs(folder), schema);
const random = new SeededRandom(1);
const words = [...new Set(glosses.flatMap((g) => g.toLowerCase().match(/[a-z]+/g) ?? []))];
const all = glosses.flatMap((g) => g.toLowerCase().match(/[a-z]+/g) ?? []);
console.log(words.length, 'words', all.length, 'tokens');
const queries = Array.from({ length: 2000 }, () => Array.from({ length: 1 + random.int(4) }, () => all[random.int(all.length)]).join(' '));
const run = (query: string, parts: object = {}): number => shard.query.search(planShardSearch(request({ keyword: keyword(query, { properties: [{ path: 'text', boost: 1 }], ...parts }) }))).keyword!.docIDs.length;
await shard.close();
opened = performance.now();
shard = await TextShard.open(nodeVfs(folder), schema);
run(queries[0]);
console.log('reopen to first answer', (performance.now() - opened).toFixed(1), 'ms');
for (const [name, parts] of [['or', {}], ['and', { operator: 'and' }], ['or again', {}], ['and again', { operator: 'and' }]] as const) {
  const times = queries.map((query) => {
    const from = performance.now();
    run(query, parts);
    return performance.now() - from;
  }).sort((a, b) => a - b);
  console.log(name, 'mean', (times.reduce((a, b) => a + b) / times.length).toFixed(3), 'p50', times[1000].toFixed(3), 'p99', times[1980].toFixed(3));
}
const keystrokes = queries.slice(0, 300).flatMap((query) => Array.from({ length: query.length }, (_, i) => query.slice(0, i + 1)));
let from = performance.now();
run('b', { prefix: true });
console.log('first prefix', (performance.now() - from).toFixed(1));
const times = keystrokes.map((text) => {
  from = performance.now();
  run(text, { prefix: true });
  return performance.now() - from;
}).sort((a, b) => a - b);
console.log('prefix p50', times[times.length >> 1].toFixed(3), 'p95', times[Math.floor(times.length * 0.95)].toFixed(3), 'max', times.at(-1)!.toFixed(2));
await shard.close();
