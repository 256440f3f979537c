import { expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import type { PostingList } from '../inverted/posting-list.ts';
import type { LengthNorm } from './bm25.ts';
import { searchOr } from './keyword-or.ts';
import { ListCursor } from './list-cursor.ts';
import { TopDocs } from './top-docs.ts';

const DOCS = Uint32Array.of(3, 7, 20);

function cursor(): ListCursor {
  const list = { single: { docs: DOCS, frequencies: Uint32Array.of(1, 1, 1) }, blocks: 1, last: () => 20 } as unknown as PostingList;
  const norm = { lengths: new Uint32Array(32).fill(4), table: new Float64Array(0), tf: () => 1 } as unknown as LengthNorm;
  return new ListCursor(list, 1, norm, 'title', 'word');
}

const search = (top: TopDocs): void => {
  searchOr({ cursors: [cursor()], minimumMatch: 1, top, allow: Uint32Array.of(0xffffffff), accepts: null, prune: false });
};

test('a search that damage ended leaves nothing behind for the next one', () => {
  const broken = new TopDocs(1, () => {
    throw new HeddleError('Corruption', 'a block fails its checksum');
  });
  expect(() => search(broken)).toThrow('fails its checksum');
  const top = new TopDocs(10, (a, b) => a - b);
  search(top);
  expect([...top.take().docIDs].sort((a, b) => a - b)).toEqual([...DOCS]);
});
