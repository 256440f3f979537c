import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeddleError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { WriteKind, type WriteEntry } from '../protocol/write-batch.ts';
import { MemoryDirectory } from '../vfs/memory.ts';
import type { HostLimits, ShardHost } from './engine-host.ts';
import { batchOf, contentOf, DIMENSIONS, entry, openInMemory, testSchema, uuidOf } from './testing.ts';

const client = new Uint8Array(16).fill(7);

const openHost = (directory: MemoryDirectory, limits: Partial<HostLimits> = {}): Promise<ShardHost> =>
  openInMemory(directory, { limits, storageLimits: { logFileBytes: 64 * 1024 } });

type Action =
  | {
      readonly type: 'write';
      readonly shard: number;
      readonly atomic: boolean;
      readonly entries: readonly {
        kind: 1 | 2 | 3 | 4 | 5;
        id: number;
        title: string;
        stars: number | null;
        vector: readonly number[] | null;
      }[];
    }
  | { readonly type: 'flush' | 'maintain' | 'compact' | 'reopen' };

const coordinate = fc.integer({ min: -20, max: 20 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      shard: fc.integer({ min: 1, max: 2 }),
      atomic: fc.boolean(),
      entries: fc.array(
        fc.record({
          kind: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
          id: fc.nat(12),
          title: fc.constantFrom('alpha', 'beta gamma', 'gamma', 'delta alpha'),
          stars: fc.option(fc.nat(5)),
          vector: fc.option(fc.array(coordinate, { minLength: DIMENSIONS, maxLength: DIMENSIONS })),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('flush' as const, 'maintain' as const, 'compact' as const, 'reopen' as const) }),
  },
);

interface Expected {
  values: unknown[];
  vector: number[] | null;
}

/** What the write semantics say, on a plain Map. Returns the model after the batch, or null when an atomic batch must fail. */
function applyToModel(
  before: ReadonlyMap<number, Expected>,
  { entries, atomic }: Extract<Action, { type: 'write' }>,
): Map<number, Expected> | null {
  const model = new Map(before);
  for (const { kind, id, title, stars, vector } of entries) {
    const old = model.get(id);
    const values = [title, null, stars];
    const fails = kind === WriteKind.insert ? old !== undefined : (kind === WriteKind.replace || kind === WriteKind.update) && !old;
    if (fails && atomic) return null;
    if (fails) continue;
    if (kind === WriteKind.delete) model.delete(id);
    else if (kind === WriteKind.update) model.set(id, { values, vector: vector ? [...vector] : (old?.vector ?? null) });
    else model.set(id, { values, vector: vector ? [...vector] : null });
  }
  return model;
}

function toEntry({ kind, id, title, stars, vector }: Extract<Action, { type: 'write' }>['entries'][number]): WriteEntry {
  return entry(kind, uuidOf(id), kind === WriteKind.update ? { 0: title, 2: stars } : [title, null, stars], vector);
}

async function expectAgreement(host: ShardHost, shard: number, model: ReadonlyMap<number, Expected>): Promise<void> {
  const content = await contentOf(host, shard);
  const trimmed = (values: unknown[]): unknown[] => [0, 1, 2].map((i) => values[i] ?? null);
  expect([...content].map(([uuid, { values, vector }]) => [uuid, trimmed(values), vector]).sort()).toEqual(
    [...model].map(([id, { values, vector }]) => [uuidText(uuidOf(id)), trimmed(values), vector]).sort(),
  );
  expect(await host.count(shard)).toBe(model.size);
  const query = [1, -3, 2, 0.5];
  const search = await host.search(shard, {
    filter: null,
    vector: {
      targets: [{ name: 'default', query: Float32Array.from(query), weight: 1 }],
      combination: 'minimum',
      maxDistance: null,
      ef: null,
    },
    keyword: null,
    stats: null,
    sort: [],
    candidates: 5,
    after: null,
    groupBy: null,
    facets: [],
    totalCount: false,
    explain: false,
  });
  const distances = [...model.values()].flatMap(({ vector }) =>
    vector ? [vector.reduce((sum, v, i) => sum + (v - query[i]) ** 2, 0)] : [],
  );
  expect([...(search.vector?.scores ?? [])]).toEqual(distances.sort((a, b) => a - b).slice(0, 5));
  const alpha = await host.match(shard, { op: 'equal', target: { kind: 'property', path: 'title' }, value: 'alpha' }, 100);
  const starred = await host.match(shard, { op: 'greaterThan', target: { kind: 'property', path: 'stars' }, value: 2 }, 100);
  const uuids = (bytes: Uint8Array): string[] => Array.from({ length: bytes.length / 16 }, (_, i) => uuidText(bytes, i * 16)).sort();
  const idsWhere = (holds: (values: unknown[]) => boolean): string[] =>
    [...model].flatMap(([id, { values }]) => (holds(values) ? [uuidText(uuidOf(id))] : [])).sort();
  expect(uuids(alpha)).toEqual(idsWhere(([title]) => String(title).split(' ').includes('alpha')));
  expect(uuids(starred)).toEqual(idsWhere(([, , stars]) => typeof stars === 'number' && stars > 2));
  expect(await host.verify()).toEqual([]);
}

describe('a host of shards', () => {
  test('agrees with a Map through writes, flushes, merges and reopening', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const directory = new MemoryDirectory();
        const limits = { memtableBytesMax: 4_096 };
        let host = await openHost(directory, limits);
        const models = new Map<number, Map<number, Expected>>();
        for (const shard of [1, 2]) {
          await host.putShard(shard, testSchema());
          models.set(shard, new Map());
        }
        let sequence = 0;
        for (const step of actions) {
          if (step.type === 'write') {
            const expected = applyToModel(models.get(step.shard)!, step);
            const request = { client, sequence: ++sequence };
            const written = host.write({ shard: step.shard, request, batch: batchOf(step.entries.map(toEntry)), atomic: step.atomic });
            if (expected === null) await expect(written).rejects.toBeInstanceOf(HeddleError);
            else {
              await written;
              models.set(step.shard, expected);
            }
          } else if (step.type === 'reopen') {
            await host.close();
            host = await openHost(directory, limits);
          } else if (step.type === 'maintain') await host.maintain(2);
          else await host[step.type]();
        }
        for (const [shard, model] of models) await expectAgreement(host, shard, model);
        await host.close();
        host = await openHost(directory, limits);
        for (const [shard, model] of models) await expectAgreement(host, shard, model);
        await host.close();
      }),
      { numRuns: Number(process.env.HEDDLE_RUNS ?? 60), seed: Number(process.env.HEDDLE_SEED ?? 11) },
    );
  });

  test('answers a request that is sent again from its table, also after reopening', async () => {
    const directory = new MemoryDirectory();
    let host = await openHost(directory);
    await host.putShard(1, testSchema());
    const request = {
      shard: 1,
      request: { client, sequence: 1 },
      batch: batchOf([entry(WriteKind.insert, uuidOf(1), ['a'])]),
      atomic: true,
    };
    const first = await host.write(request);
    const again = await host.write(request);
    expect([first.repeated, again.repeated, again.sequence]).toEqual([false, true, first.sequence]);
    await host.close();
    host = await openHost(directory);
    expect((await host.write(request)).repeated).toBe(true);
    expect(await host.count(1)).toBe(1);
    await host.close();
  });

  test('drops a vector that was computed for an older version of its object', async () => {
    const host = await openHost(new MemoryDirectory());
    await host.putShard(1, testSchema());
    await host.write({
      shard: 1,
      request: { client, sequence: 1 },
      batch: batchOf([entry(WriteKind.insert, uuidOf(1), ['a'])]),
      atomic: true,
    });
    const [pending] = await host.pendingVectors(1, 3, 10);
    expect(uuidText(pending.uuid)).toBe(uuidText(uuidOf(1)));
    await host.write({
      shard: 1,
      request: { client, sequence: 2 },
      batch: batchOf([entry(WriteKind.update, uuidOf(1), { 0: 'b' })]),
      atomic: true,
    });
    const attach = (docID: number, n: number) =>
      host.write({
        shard: 1,
        request: { client, sequence: n },
        batch: batchOf([{ ...entry(WriteKind.attach, uuidOf(1), [], [1, 2, 3, 4]), expectedDocID: docID }]),
        atomic: false,
      });
    expect((await attach(pending.docID, 3)).written).toBe(0);
    const [now] = await host.pendingVectors(1, 3, 10);
    expect((await attach(now.docID, 4)).written).toBe(1);
    expect(await host.pendingVectors(1, 3, 10)).toEqual([]);
    expect([...(await contentOf(host, 1)).values()][0].vector).toEqual([1, 2, 3, 4]);
    await host.close();
  });

  test('refuses a vector of another size by name and keeps nothing of the batch', async () => {
    const host = await openHost(new MemoryDirectory());
    await host.putShard(1, testSchema());
    const batch = batchOf([entry(WriteKind.insert, uuidOf(1), ['a'], [1, 2, 3, 4]), entry(WriteKind.insert, uuidOf(2), ['b'], [1, 2])]);
    await expect(host.write({ shard: 1, request: { client, sequence: 1 }, batch, atomic: true })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { index: 1, vector: 'default', dimensions: 2, expected: 4 },
    });
    expect(await host.count(1)).toBe(0);
    await host.close();
  });
});

test('a batch of vectors that do not fit into memory is refused whole, and what is there goes on', async () => {
  const host = await openHost(new MemoryDirectory(), { vectorMemoryBytesMax: 4 * 1024 * 1024 });
  await host.putShard(1, testSchema());
  const batch = (from: number): Uint8Array =>
    batchOf(Array.from({ length: 1_000 }, (_, i) => entry(WriteKind.insert, uuidOf(from + i), ['x'], [from, i, 1, 2])));
  let written = 0;
  let refused: unknown = null;
  for (let n = 0; n < 60 && refused === null; n++)
    await host.write({ shard: 1, request: { client, sequence: n + 1 }, batch: batch(n * 1_000), atomic: true }).then(
      (ack) => (written += ack.written),
      (thrown: unknown) => (refused = thrown),
    );
  expect(refused).toMatchObject({ code: 'StorageFull' });
  expect(written).toBeGreaterThan(0);
  expect(await host.count(1)).toBe(written);
  expect(await host.verify()).toEqual([]);
  await host.write({
    shard: 1,
    request: { client, sequence: 100 },
    batch: batchOf([entry(WriteKind.insert, uuidOf(65_000), ['no vector'])]),
    atomic: true,
  });
  expect(await host.count(1)).toBe(written + 1);
  await host.close();
});
