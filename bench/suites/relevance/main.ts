/**
 * Ranking quality: nDCG@10 of BM25, of exact vector search with MiniLM, and of hybrid search at the defaults.
 *
 *   npm run bench -- relevance --data FOLDER [--json FILE]
 *
 * FOLDER is a data set in BEIR's layout. Documents are indexed as one property, title and text joined (what Anserini calls its
 * flat index), with English stemming and otherwise the defaults (k1 1.2, b 0.75, stopword preset en); vectors are made of the
 * same text. Nothing is tuned on the judgements. Rows hold other settings for comparison.
 */
import { basename, join } from 'node:path';
import type { SearchRequest } from '../../../src/protocol/search-request.ts';
import { mergeResults } from '../../../src/query/merge.ts';
import { planShardSearch } from '../../../src/query/plan.ts';
import type { CandidateList, ShardSearchResult } from '../../../src/query/shard-search.ts';
import { keyword, request } from '../../../src/query/testing/collection.ts';
import type { CollectionConfig } from '../../../src/schema/collection-config.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import { memoryVfs } from '../../../src/vfs/memory.ts';
import type { BenchContext, Figure, SuiteResult } from '../../run/suite.ts';
import { TextShard, uuidOfNumber } from '../text/text-shard.ts';
import { loadBeir, ndcg, type BeirSet } from './beir.ts';
import { embedAll } from './embed.ts';

export { figures } from './figures.ts';

const DIMENSIONS = 384;
const TOP = 10;
const FLAT: CollectionConfig = { properties: { text: { type: 'text', stemming: 'english' } } };

const flatText = ({ title, text }: BeirSet['documents'][number]): string => (title === '' ? text : `${title} ${text}`);

/** Settings shown beside the figure. */
const VARIANTS: readonly {
  readonly name: string;
  readonly config: CollectionConfig;
  readonly fields: (document: BeirSet['documents'][number]) => string[];
}[] = [
  { name: 'one property, no stemming (the default)', config: { properties: { text: 'text' } }, fields: (document) => [flatText(document)] },
  {
    name: 'one property, english, k1 0.9 b 0.4',
    config: { ...FLAT, invertedIndex: { k1: 0.9, b: 0.4 } },
    fields: (document) => [flatText(document)],
  },
  {
    name: 'title and text apart, english',
    config: { properties: { title: { type: 'text', stemming: 'english' }, text: { type: 'text', stemming: 'english' } } },
    fields: ({ title, text }) => [title, text],
  },
];

async function shardOf(
  set: BeirSet,
  config: CollectionConfig,
  fields: (document: BeirSet['documents'][number]) => string[],
): Promise<TextShard> {
  const shard = await TextShard.open(memoryVfs(), normalize('Document', config));
  for (const document of set.documents) shard.add(fields(document));
  shard.flush();
  return shard;
}

/** Mean over the queries of what `rank` makes of each. */
function score(set: BeirSet, rank: (query: number) => readonly number[]): number {
  const all = set.queries.map(({ id }, i) =>
    ndcg(
      rank(i).map((docID) => set.documents[docID].id),
      set.judgements.get(id)!,
      TOP,
    ),
  );
  return all.reduce((sum, value) => sum + value, 0) / all.length;
}

const answer = (shard: TextShard, wanted: SearchRequest): ShardSearchResult =>
  shard.query.search(planShardSearch({ ...wanted, vector: null }));
const bm25 = (shard: TextShard, text: string): number[] => {
  const wanted = request({ keyword: keyword(text), limit: TOP });
  return mergeResults(wanted, [answer(shard, wanted)]).hits.map(({ docID }) => docID);
};

/** The nearest documents by exact cosine distance, as a shard sends them. */
function nearest(documents: Float32Array, query: Float32Array, count: number): CandidateList {
  const distances = Float64Array.from({ length: documents.length / DIMENSIONS }, (_, row) => {
    let dot = 0;
    for (let d = 0; d < DIMENSIONS; d++) dot += documents[row * DIMENSIONS + d] * query[d];
    return 1 - dot;
  });
  const docIDs = Uint32Array.from(distances.keys())
    .sort((a, b) => distances[a] - distances[b])
    .slice(0, count);
  const uuids = new Uint8Array(docIDs.length * 16);
  docIDs.forEach((docID, i) => uuids.set(uuidOfNumber(docID), i * 16));
  return {
    docIDs,
    uuids,
    scores: Float64Array.from(docIDs, (docID) => distances[docID]),
    sortValues: [],
    groups: [],
    highlights: [],
    explanations: [],
  };
}

export async function run(context: BenchContext): Promise<SuiteResult> {
  const folder = context.option('data') ?? join(context.root, 'shared/data/scifact');
  const name = basename(folder);
  const set = loadBeir(folder);
  context.log(`${name}: ${set.documents.length} documents, ${set.queries.length} judged queries`);
  const shard = await shardOf(set, FLAT, (document) => [flatText(document)]);
  const byKeyword = score(set, (query) => bm25(shard, set.queries[query].text));
  const rows: Record<string, unknown>[] = [];
  for (const { name: variant, config, fields } of VARIANTS) {
    const other = await shardOf(set, config, fields);
    rows.push({ search: 'bm25', settings: variant, ndcg10: score(set, (query) => bm25(other, set.queries[query].text)) });
  }

  const documents = await embedAll(set.documents.map(flatText), join(context.cache, `${name}-documents.f32`), context.root, context.log);
  const queries = await embedAll(
    set.queries.map(({ text }) => text),
    join(context.cache, `${name}-queries.f32`),
    context.root,
    context.log,
  );
  const queryVector = (query: number): Float32Array => queries.subarray(query * DIMENSIONS, (query + 1) * DIMENSIONS);
  const hybrid = (query: number, type: 'relativeScore' | 'ranked', alpha: number): number[] => {
    const vector = {
      targets: [{ name: 'default', query: queryVector(query), weight: 1 }],
      combination: 'sum' as const,
      maxDistance: null,
      ef: null,
    };
    const wanted = request({ keyword: keyword(set.queries[query].text), vector, fusion: { type, alpha }, limit: TOP });
    const { candidates } = planShardSearch(wanted);
    const keywords = shard.query.search(planShardSearch(request({ keyword: wanted.keyword, limit: candidates })));
    return mergeResults(wanted, [{ ...keywords, vector: nearest(documents, queryVector(query), candidates) }]).hits.map(
      ({ docID }) => docID,
    );
  };
  const byVector = score(set, (query) => [...nearest(documents, queryVector(query), TOP).docIDs]);
  const both = score(set, (query) => hybrid(query, 'relativeScore', 0.75));
  for (const type of ['relativeScore', 'ranked'] as const)
    for (const alpha of [0.25, 0.5, 0.75])
      rows.push({ search: 'hybrid', settings: `${type}, alpha ${alpha}`, ndcg10: score(set, (query) => hybrid(query, type, alpha)) });

  const figures: Figure[] = [
    { name: `relevance.${name}.bm25.ndcg10`, value: byKeyword, unit: 'nDCG@10', goal: '>= 0.68' },
    { name: `relevance.${name}.vector.ndcg10`, value: byVector, unit: 'nDCG@10' },
    { name: `relevance.${name}.hybrid.ndcg10`, value: both, unit: 'nDCG@10', goal: '>= 0.70' },
  ];
  return { figures, rows };
}
