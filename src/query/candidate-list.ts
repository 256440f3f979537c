/** Candidates as a shard sends them: with the UUIDs, sort and group values and highlights the coordinator will need. */
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { KeywordSearch } from '../protocol/search-request.ts';
import { highlighter } from './highlight.ts';
import type { CandidateList, ShardSearch } from './shard-search.ts';
import { sortValuesOf, type SortValue } from './sort-values.ts';
import { distinctValues, type CountedValue } from './value-counts.ts';

export interface ListContext {
  readonly inverted: InvertedIndex;
  readonly readValues: (docID: number) => readonly unknown[];
  readonly search: ShardSearch;
}

/** `keyword`: the search whose matches are to be highlighted. `docIDs` and `scores` are kept. */
export function buildList(
  { inverted, readValues, search }: ListContext,
  docIDs: Uint32Array,
  scores: Float64Array,
  keyword: KeywordSearch | null,
  targetDistances?: Float64Array,
): CandidateList {
  const uuids = new Uint8Array(docIDs.length * 16);
  const sortValues: SortValue[][] = search.sort.map(() => []);
  const groups: CountedValue[][] = [];
  const highlights: Record<string, string[]>[] = [];
  const highlight = keyword === null ? null : highlighter(inverted, keyword);
  const grouped = search.groupBy === null ? null : inverted.field(search.groupBy.path).field;
  for (let i = 0; i < docIDs.length; i++) uuids.set(inverted.docs.uuid(docIDs[i]), i * 16);
  if (search.sort.length > 0 || grouped || highlight)
    docIDs.forEach((docID) => {
      let values: readonly unknown[] | null = null;
      const read = (): readonly unknown[] => (values ??= readValues(docID));
      if (search.sort.length > 0) sortValuesOf(inverted, search.sort, docID, read).forEach((value, key) => sortValues[key].push(value));
      if (grouped) groups.push([...distinctValues(grouped, read())]);
      if (highlight) highlights.push(highlight(read()));
    });
  return { docIDs, uuids, scores, sortValues, groups, highlights, explanations: [], ...(targetDistances && { targetDistances }) };
}
