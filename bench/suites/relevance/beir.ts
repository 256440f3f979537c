/** Loads a data set in BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (query-id, corpus-id, score; with a head line). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BeirDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

export interface BeirSet {
  readonly documents: readonly BeirDocument[];
  /** Queries that have judgements. */
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  /** Query → document → grade. */
  readonly judgements: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

const linesOf = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
const rowsOf = (path: string): Record<string, string>[] => linesOf(path).map((line) => JSON.parse(line) as Record<string, string>);

export function loadBeir(folder: string): BeirSet {
  const judgements = new Map<string, Map<string, number>>();
  for (const line of linesOf(join(folder, 'qrels.tsv')).slice(1)) {
    const [query, document, grade] = line.split('\t');
    const graded = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, graded.set(document, Number(grade)));
  }
  const documents = rowsOf(join(folder, 'corpus.jsonl')).map((row) => ({ id: row._id, title: row.title ?? '', text: row.text }));
  const queries = rowsOf(join(folder, 'queries.jsonl')).map((row) => ({ id: row._id, text: row.text }));
  return { documents, queries: queries.filter(({ id }) => judgements.has(id)), judgements };
}

/** nDCG at `k` of one ranking; the gain is the grade itself, as in trec_eval. */
export function ndcg(ranking: readonly string[], graded: ReadonlyMap<string, number>, k: number): number {
  const gain = (grade: number, rank: number): number => grade / Math.log2(rank + 2);
  const found = ranking.slice(0, k).reduce((sum, id, rank) => sum + gain(graded.get(id) ?? 0, rank), 0);
  const best = [...graded.values()]
    .sort((a, b) => b - a)
    .slice(0, k)
    .reduce((sum, grade, rank) => sum + gain(grade, rank), 0);
  return best === 0 ? 0 : found / best;
}
