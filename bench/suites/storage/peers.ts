/** The peers: each at the durability that survives a power cut, as its documentation says to reach it. */
import { PGlite } from '@electric-sql/pglite';
import sqlite3InitModule from '@sqlite.org/sqlite-wasm';
import { Dexie, type Table } from 'dexie';
import { fromUtf8, utf8 } from '../../../src/core/bytes.ts';
import type { SyncHandle } from '../../../src/vfs/opfs-file.ts';
import { type Subject, textOf } from './subject.ts';

/** The raw limit: append and flush on one sync access handle, offsets kept in memory. */
export class Raw implements Subject {
  private handle!: SyncHandle;
  private readonly offsets: number[] = [];
  private end = 0;

  async open(): Promise<void> {
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle('raw', { create: true });
    this.handle = await (file as FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle();
    this.end = this.handle.getSize();
  }
  async put(from: number, count: number): Promise<void> {
    let text = '';
    for (let n = from; n < from + count; n++) {
      this.offsets[n] = this.end + text.length;
      text += textOf(n);
    }
    const bytes = utf8(text);
    this.handle.write(bytes, { at: this.end });
    this.handle.flush();
    this.end += bytes.length;
    this.offsets[from + count] = this.end;
  }
  get(n: number): string {
    const bytes = new Uint8Array(this.offsets[n + 1] - this.offsets[n]);
    this.handle.read(bytes, { at: this.offsets[n] });
    return fromUtf8(bytes);
  }
  async scan(): Promise<number> {
    let count = 0;
    for (let n = 0; n + 1 < this.offsets.length; n++) if (this.get(n).length > 0) count++;
    return count;
  }
  async close(): Promise<void> {
    this.handle.close();
  }
}

type Sqlite = Awaited<ReturnType<typeof sqlite3InitModule>>;
type Database = InstanceType<Sqlite['oo1']['DB']>;
type Statement = ReturnType<Database['prepare']>;

/** sqlite-wasm on its fastest file system, write-ahead log, full synchronisation. Integer keys: the fastest it has. */
export class Sqlite3 implements Subject {
  private db!: Database;
  private pool!: Awaited<ReturnType<Sqlite['installOpfsSAHPoolVfs']>>;
  private insert!: Statement;
  private select!: Statement;

  async open(): Promise<void> {
    const sqlite3 = await sqlite3InitModule();
    this.pool = await sqlite3.installOpfsSAHPoolVfs({ name: 'pool', directory: '/sqlite' });
    this.db = new this.pool.OpfsSAHPoolDb('/bench.db');
    this.db.exec(
      'PRAGMA locking_mode=exclusive; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, json TEXT NOT NULL)',
    );
    const mode = this.db.selectValue('PRAGMA journal_mode');
    if (mode !== 'wal') throw new Error(`SQLite is in journal mode ${String(mode)}`);
    this.insert = this.db.prepare('INSERT OR REPLACE INTO note VALUES (?, ?)');
    this.select = this.db.prepare('SELECT json FROM note WHERE id = ?');
  }
  async put(from: number, count: number): Promise<void> {
    if (count > 1) this.db.exec('BEGIN');
    for (let n = from; n < from + count; n++) this.insert.bind([n, textOf(n)]).stepReset();
    if (count > 1) this.db.exec('COMMIT');
  }
  get(n: number): string {
    this.select.bind([n]).step();
    const text = this.select.getString(0)!;
    this.select.reset();
    return text;
  }
  async scan(): Promise<number> {
    const all = this.db.prepare('SELECT json FROM note ORDER BY id');
    let count = 0;
    while (all.step()) if (all.getString(0)!.length > 0) count++;
    all.finalize();
    return count;
  }
  async close(): Promise<void> {
    this.insert.finalize();
    this.select.finalize();
    this.db.close();
    this.pool.pauseVfs();
  }
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB request failed'));
  });

/** IndexedDB as it is, strict. */
export class IndexedDb implements Subject {
  private db!: IDBDatabase;

  async open(): Promise<void> {
    const request = indexedDB.open('raw-idb', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('note');
    this.db = await settled(request);
  }
  put(from: number, count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const transaction = this.db.transaction('note', 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore('note');
      for (let n = from; n < from + count; n++) store.put(textOf(n), n);
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB transaction aborted'));
    });
  }
  get(n: number): Promise<string> {
    return settled(this.db.transaction('note').objectStore('note').get(n) as IDBRequest<string>);
  }
  async scan(): Promise<number> {
    let count = 0;
    for (let from = 0; ; from += 1000) {
      const texts = await settled(
        this.db
          .transaction('note')
          .objectStore('note')
          .getAll(IDBKeyRange.bound(from, from + 999)) as IDBRequest<string[]>,
      );
      count += texts.length;
      if (texts.length === 0) return count;
    }
  }
  async close(): Promise<void> {
    this.db.close();
  }
}

/** Dexie, told to be strict. */
export class DexieDb implements Subject {
  private db!: Dexie;
  private notes!: Table<{ id: number; json: string }, number>;

  async open(): Promise<void> {
    this.db = new Dexie('dexie', { chromeTransactionDurability: 'strict' });
    this.db.version(1).stores({ note: 'id' });
    this.notes = this.db.table('note');
    await this.db.open();
  }
  async put(from: number, count: number): Promise<void> {
    if (count === 1) await this.notes.put({ id: from, json: textOf(from) });
    else await this.notes.bulkPut(Array.from({ length: count }, (_, i) => ({ id: from + i, json: textOf(from + i) })));
  }
  async get(n: number): Promise<string> {
    return (await this.notes.get(n))!.json;
  }
  async scan(): Promise<number> {
    let count = 0;
    for (let from = 0; ; from += 1000) {
      const rows = await this.notes
        .where('id')
        .between(from, from + 1000)
        .toArray();
      count += rows.length;
      if (rows.length === 0) return count;
    }
  }
  async close(): Promise<void> {
    this.db.close();
  }
}

/** PGlite on its fastest file system. */
export class Postgres implements Subject {
  private db!: PGlite;

  async open(): Promise<void> {
    this.db = await PGlite.create('opfs-ahp://pglite', { relaxedDurability: false });
    await this.db.exec('CREATE TABLE IF NOT EXISTS note (id int PRIMARY KEY, json text NOT NULL)');
  }
  async put(from: number, count: number): Promise<void> {
    const ids = Array.from({ length: count }, (_, i) => from + i);
    if (count === 1)
      await this.db.query('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET json = excluded.json', [from, textOf(from)]);
    else
      await this.db.query(
        'INSERT INTO note SELECT * FROM unnest($1::int[], $2::text[]) ON CONFLICT (id) DO UPDATE SET json = excluded.json',
        [ids, ids.map(textOf)],
      );
  }
  async get(n: number): Promise<string> {
    const result = await this.db.query<{ json: string }>('SELECT json FROM note WHERE id = $1', [n]);
    return result.rows[0].json;
  }
  async scan(): Promise<number> {
    let count = 0;
    for (let from = 0; ; from += 1000) {
      const { rows } = await this.db.query<{ json: string }>('SELECT json FROM note WHERE id >= $1 AND id < $2 ORDER BY id', [
        from,
        from + 1000,
      ]);
      count += rows.length;
      if (rows.length === 0) return count;
    }
  }
  async close(): Promise<void> {
    await this.db.close();
  }
}
