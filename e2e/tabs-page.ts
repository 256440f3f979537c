/** The page of the tab tests: opens the database and does what the test asks, under `globalThis.tab`. */
import { connect, type Collection, type Database } from 'heddle';

const ITEM = { properties: { tab: 'text', n: 'int' } } as const;

let db: Database;
let items: Collection<typeof ITEM>;
const changes: number[] = [];
let writing: Promise<{ acknowledged: number; failed: string[] }> | null = null;
let stopped = false;

/** This page came out of the back/forward cache, as it was. */
let cameBack = false;
addEventListener('pageshow', (event) => (cameBack ||= event.persisted));

const actions = {
  cameBack: (): boolean => cameBack,
  async open(name: string, options: { readonly withoutSharedWorker?: boolean } = {}): Promise<void> {
    if (options.withoutSharedWorker === true) Reflect.deleteProperty(globalThis, 'SharedWorker');
    db = await connect(name);
    items = await db.collections.ensure('Item', ITEM);
    items.onChange(({ uuids }) => changes.push(uuids.length));
    // Answered after the owner has heard that this tab listens.
    await items.length();
  },
  insert: (tab: string, n: number): Promise<string> => items.data.insert({ tab, n }),
  length: (): Promise<number> => items.length(),
  changes: (): number => changes.reduce((sum, count) => sum + count, 0),
  close: (): Promise<void> => db.close(),
  /** Inserts one object after another, four at a time, until `stop`; every promise has to settle. */
  startWriting(tab: string): void {
    stopped = false;
    const failed: string[] = [];
    let acknowledged = 0;
    let n = 0;
    const lane = async (): Promise<void> => {
      while (!stopped) {
        try {
          await items.data.insert({ tab, n: n++ });
          acknowledged++;
        } catch (error) {
          failed.push(String(error));
        }
      }
    };
    writing = Promise.all([lane(), lane(), lane(), lane()]).then(() => ({ acknowledged, failed }));
  },
  async stopWriting(): Promise<{ acknowledged: number; failed: string[] }> {
    stopped = true;
    return writing ?? { acknowledged: 0, failed: [] };
  },
  /** Numbers written by `tab`, in order; one that is there twice was applied twice. */
  async numbersOf(tab: string): Promise<number[]> {
    const numbers: number[] = [];
    for await (const { properties } of items.iterator()) if (properties.tab === tab) numbers.push(properties.n);
    return numbers.sort((a, b) => a - b);
  },
  async importMany(count: number, from = 0): Promise<number> {
    const rows = Array.from({ length: count }, (_, i) => ({ tab: 'import', n: from + i }));
    return (await items.data.insertMany(rows)).written;
  },
  restarts: async (): Promise<number> => (await db.storage()).engineRestarts,
  engines: async (): Promise<number> => (await db.storage()).engines,
};

declare global {
  var tab: typeof actions;
}
globalThis.tab = actions;
