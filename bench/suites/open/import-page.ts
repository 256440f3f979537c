/** A page with nothing on it but Heddle: imports, and asks meanwhile. What its main thread does is Heddle's. */
import { connect } from 'heddle';

const WORD = { properties: { word: 'text', gloss: 'text', pos: 'text', uses: 'int' }, vectors: { default: { dimensions: 384 } } } as const;

async function importObjects(count: number): Promise<number> {
  const rows = Array.from({ length: count }, (_, n) => ({
    properties: {
      word: `word ${n}`,
      gloss: `the ${n % 977}th of many glosses, with some ${n % 31} words in it that differ`,
      pos: n % 3 === 0 ? 'noun' : 'verb',
      uses: n % 100,
    },
    vectors: Float32Array.from({ length: 384 }, (_unused, i) => Math.sin(n + i)),
  }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  performance.mark('import-begins');
  const db = await connect('bench-open-import');
  const words = await db.collections.ensure('Word', WORD);
  const importing = words.data.insertMany(rows);
  let done = false;
  void importing.finally(() => (done = true));
  while (!done) {
    await words.query.bm25('gloss word', { limit: 20 });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { written } = await importing;
  performance.mark('import-ends');
  await db.close();
  return written;
}

const bench = { importObjects };
declare global {
  var openBench: typeof bench;
}
globalThis.openBench = bench;
