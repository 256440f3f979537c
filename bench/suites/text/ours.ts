/** Heddle's text index at the shard: the real store on OPFS, durable after `index`. */
import { keyword, request } from '../../../src/query/testing/collection.ts';
import { planShardSearch } from '../../../src/query/plan.ts';
import { normalize } from '../../../src/schema/normalize.ts';
import { opfsVfs } from '../../../src/vfs/opfs.ts';
import type { Operator, TextSubject } from './subject.ts';
import { TextShard } from './text-shard.ts';

const SCHEMA = normalize('Text', { properties: { text: 'text' } });
const PROPERTIES = [{ path: 'text', boost: 1 }];
/** Texts between two flushes: about 8 MiB of memtables, as in a shard. */
const FLUSH_TEXTS = 60_000;

export class Ours implements TextSubject {
  private readonly shard: TextShard;

  private constructor(shard: TextShard) {
    this.shard = shard;
  }

  static async open(name: string): Promise<Ours> {
    return new Ours(await TextShard.open(opfsVfs(['bench-text', name]), SCHEMA));
  }

  async index(texts: readonly string[]): Promise<void> {
    texts.forEach((text, i) => {
      this.shard.add([text]);
      if (i % FLUSH_TEXTS === FLUSH_TEXTS - 1) this.shard.flush();
    });
    this.shard.flush();
  }

  /** Merges what several flushes left, as the background does when idle. */
  async settle(): Promise<void> {
    this.shard.compact();
  }

  search(query: string, operator: Operator): number {
    const asked = keyword(query, { properties: PROPERTIES, operator: operator === 'and' ? 'and' : 'or', prefix: operator === 'prefix' });
    return this.shard.query.search(planShardSearch(request({ keyword: asked }))).keyword!.docIDs.length;
  }

  async bytes(): Promise<number> {
    return this.shard.bytes;
  }
  async close(): Promise<void> {
    await this.shard.close();
  }
}
