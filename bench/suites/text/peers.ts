/** The peers, in memory, each as its documentation sets it up for plain keyword search over one field. */
import { create, insertMultiple, search as oramaSearch } from '@orama/orama';
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { Index } from 'flexsearch';
import MiniSearchIndex from 'minisearch';
import type { Operator, TextSubject } from './subject.ts';

export class MiniSearch implements TextSubject {
  private readonly engine = new MiniSearchIndex<{ id: number; text: string }>({ fields: ['text'] });

  async index(texts: readonly string[]): Promise<void> {
    this.engine.addAll(texts.map((text, id) => ({ id, text })));
  }
  search(query: string, operator: Operator): number {
    return this.engine
      .search(query, {
        combineWith: operator === 'and' ? 'AND' : 'OR',
        prefix: operator === 'prefix' ? (_term, i, terms) => i === terms.length - 1 : false,
      })
      .slice(0, 10).length;
  }
  async bytes(): Promise<number> {
    return new TextEncoder().encode(JSON.stringify(this.engine)).length;
  }
  async close(): Promise<void> {
    this.engine.removeAll();
  }
}

export class FlexSearch implements TextSubject {
  private readonly engine = new Index({ tokenize: 'strict' });

  async index(texts: readonly string[]): Promise<void> {
    texts.forEach((text, id) => this.engine.add(id, text));
  }
  search(query: string, operator: Operator): number {
    return (this.engine.search(query, { limit: 10, suggest: operator !== 'and' }) as unknown as number[]).length;
  }
  async close(): Promise<void> {
    this.engine.clear();
  }
}

export class Orama implements TextSubject {
  private readonly engine = create({ schema: { text: 'string' } as const });

  async index(texts: readonly string[]): Promise<void> {
    await insertMultiple(
      this.engine,
      texts.map((text) => ({ text })),
      1000,
    );
  }
  search(query: string, operator: Operator): number {
    const found = oramaSearch(this.engine, {
      term: query,
      limit: 10,
      threshold: operator === 'and' ? 0 : 1,
      exact: operator !== 'prefix',
    }) as { hits: unknown[] };
    return found.hits.length;
  }
  async close(): Promise<void> {
    return undefined;
  }
}

type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
type Database = InstanceType<Sqlite['oo1']['DB']>;

export class Fts5 implements TextSubject {
  private readonly db: Database;
  private readonly statement: ReturnType<Database['prepare']>;

  private constructor(db: Database) {
    this.db = db;
    db.exec('CREATE VIRTUAL TABLE texts USING fts5(text)');
    this.statement = db.prepare('SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 10');
  }
  static async open(): Promise<Fts5> {
    const sqlite3 = await sqlite3InitModule();
    return new Fts5(new sqlite3.oo1.DB(':memory:'));
  }
  async index(texts: readonly string[]): Promise<void> {
    const insert = this.db.prepare('INSERT INTO texts(rowid, text) VALUES (?, ?)');
    this.db.exec('BEGIN');
    texts.forEach((text, id) => insert.bind([id, text]).stepReset());
    this.db.exec('COMMIT');
    insert.finalize();
  }
  search(query: string, operator: Operator): number {
    const words = query
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => `"${word}"`);
    const match = operator === 'and' ? words.join(' AND ') : words.join(' OR ') + (operator === 'prefix' ? '*' : '');
    this.statement.bind(1, match);
    let found = 0;
    while (this.statement.step()) found++;
    this.statement.reset();
    return found;
  }
  async bytes(): Promise<number> {
    return Number(this.db.selectValue('SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()'));
  }
  async close(): Promise<void> {
    this.statement.finalize();
    this.db.close();
  }
}
