/** One data set: recall against rate of Heddle, native hnswlib and hnswlib-wasm, in turns, each width `rounds` times; and what building took. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { median, rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure } from '../../run/suite.ts';
import { rateAt, recallAt, type Point } from './curve.ts';
import type { DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';
import type { IndexSettings } from './measured-index.ts';
import { compileNative, NativePeer } from './native.ts';
import { writeBars, writePlot } from './plot.ts';

const M = 16;
const EF_CONSTRUCTION = 200;
const K = 10;
const EFS = [12, 16, 24, 32, 48, 64, 96, 128, 200, 320, 640];
/** Of a peer that takes long, and is far away. */
const PEER_EFS = [16, 32, 64, 128, 320, 640];
const RECALL_EF = 64;
/** Narrower ones to build with, while recall stays at least that of native hnswlib built with `EF_CONSTRUCTION`. */
const NARROWER = [160, 128, 96, 64];
const MIB = 1024 * 1024;

type Rows = Record<string, unknown>[];

export async function measureCurves(context: BenchContext, set: DataSet, peers: readonly string[], rows: Rows): Promise<Figure[]> {
  const rounds = Number(context.option('rounds') ?? 3);
  const native = new NativePeer(
    compileNative('hnswlib-peer', context.cache, [join(context.root, 'bench/node_modules/hnswlib-node/src/hnswlib')]),
    [
      set.base,
      set.query,
      set.truth,
      String(set.dimensions),
      set.distance === 'cosine' ? 'ip' : 'l2',
      String(M),
      String(EF_CONSTRUCTION),
      String(K),
    ],
  );
  const engine = await EnginePage.open(set);
  const exact = await EnginePage.open(set);
  const peer = peers.includes('hnswlib-wasm') ? await EnginePage.open(set, true) : null;
  const settings = {
    dimensions: set.dimensions,
    distance: set.distance,
    maxConnections: M,
    efConstruction: EF_CONSTRUCTION,
    keepRows: true,
    memoryBytesMax: 2_000 * MIB,
  };
  try {
    const theirs = await native.ask<{ rows: number; cpuSeconds: number }>('build');
    const ours = await engine.build({ ...settings, quantizer: 'sq' });
    const plain = await exact.build({ ...settings, quantizer: 'none' });
    const build = { native: theirs.rows / theirs.cpuSeconds, heddle: ours.rate, none: plain.rate };
    context.log(
      `${set.name}: built per CPU second: hnswlib ${build.native.toFixed(0)}, ours ${build.heddle.toFixed(0)}, ours f32 ${build.none.toFixed(0)} (${await engine.engineBuild()})`,
    );
    rows.push({ set: set.name, rows: set.rows, engine: 'hnswlib native', buildPerCpuS: build.native });
    rows.push({ set: set.name, engine: 'heddle sq', buildPerCpuS: build.heddle, ...ours.built });
    rows.push({ set: set.name, engine: 'heddle none', buildPerCpuS: build.none, ...plain.built });
    const built: Record<string, number> = { 'hnswlib native': build.native, 'heddle sq': build.heddle, 'heddle none': build.none };
    if (peer) {
      built['hnswlib-wasm'] = await peer.buildPeer('hnswlib-wasm', M, EF_CONSTRUCTION);
      rows.push({ set: set.name, rows: set.rows, engine: 'hnswlib-wasm', buildPerCpuS: built['hnswlib-wasm'] });
    }
    await engine.warm(EFS[3]);
    const taken = new Map<string, { ef: number; recall: number; qps: number; wallQps?: number }[]>();
    const note = (name: string, point: { ef: number; recall: number; qps: number }): void =>
      void taken.set(name, [...(taken.get(name) ?? []), point]);
    for (let round = 0; round < rounds; round++)
      for (const ef of EFS) {
        note('hnswlib native', await native.ask<Point>(`search ${ef}`));
        note('heddle sq', await engine.search(ef, K));
        note('heddle none', await exact.search(ef, K));
        if (peer && round === 0 && PEER_EFS.includes(ef)) note('hnswlib-wasm', await peer.searchPeer(ef, K));
      }
    const curves: Record<string, Point[]> = {};
    for (const [name, points] of taken) {
      curves[name] = EFS.flatMap((ef) => {
        const here = points.filter((point) => point.ef === ef);
        return here.length === 0 ? [] : [{ ef, recall: median(here.map(({ recall }) => recall)), qps: median(here.map(({ qps }) => qps)) }];
      });
      for (const point of curves[name]) rows.push({ set: set.name, engine: name, ...point });
      context.log(
        `${set.name}: ${name}: ${curves[name].map(({ ef, recall, qps }) => `${ef}: ${recall.toFixed(4)} at ${qps.toFixed(0)}/s`).join(', ')}`,
      );
    }
    const plots = context.option('plots') ?? context.cache;
    mkdirSync(plots, { recursive: true });
    writePlot(
      join(plots, `vectors-${set.name}.svg`),
      `${set.name}, ${set.rows.toLocaleString('en')} × ${set.dimensions}, ${set.distance}`,
      curves,
    );
    const equal = await buildAtEqualRecall(context, set, settings, curves, build.heddle, rows);
    built['heddle sq, equal recall'] = equal.rate;
    writeBars(join(plots, `vectors-${set.name}-build.svg`), `${set.name}: rows built per CPU second, one thread`, built);
    return figuresOf(set, curves, build, equal);
  } finally {
    native.close();
    await engine.close();
    await exact.close();
    await peer?.close();
  }
}

interface EqualBuild {
  readonly efConstruction: number;
  readonly rate: number;
  readonly recall: number;
}

/** The fastest build whose recall at `RECALL_EF` is at least native hnswlib's; the one at hand where that is at most as good. */
async function buildAtEqualRecall(
  context: BenchContext,
  set: DataSet,
  settings: Omit<IndexSettings, 'quantizer'>,
  curves: Record<string, Point[]>,
  rate: number,
  rows: Rows,
): Promise<EqualBuild> {
  const theirs = recallAt(curves['hnswlib native'], RECALL_EF) ?? 1;
  let best: EqualBuild = { efConstruction: EF_CONSTRUCTION, rate, recall: recallAt(curves['heddle sq'], RECALL_EF) ?? 0 };
  const engine = await EnginePage.open(set);
  try {
    for (const efConstruction of NARROWER) {
      if (best.recall <= theirs) break;
      const built = await engine.build({ ...settings, quantizer: 'sq', efConstruction });
      await engine.warm(RECALL_EF);
      const { recall } = await engine.search(RECALL_EF, K);
      rows.push({ set: set.name, engine: 'heddle sq', efConstruction, buildPerCpuS: built.rate, ef: RECALL_EF, recall, theirs });
      if (recall < theirs) break;
      best = { efConstruction, rate: built.rate, recall };
    }
  } finally {
    await engine.close();
  }
  context.log(
    `${set.name}: at least their recall (${theirs}) with efConstruction ${best.efConstruction}: ${best.recall}, ${best.rate.toFixed(0)}/s`,
  );
  return best;
}

function figuresOf(set: DataSet, curves: Record<string, Point[]>, build: { native: number; heddle: number }, equal: EqualBuild): Figure[] {
  const figures: Figure[] = [];
  const prefix = `vectors.${set.name}`;
  const ratio = (name: string, ours: number | null, theirs: number | null, goal: string): void => {
    if (ours !== null && theirs !== null) figures.push({ name: `${prefix}.${name}`, value: rounded(ours / theirs, 3), unit: '×', goal });
  };
  const at = (engine: string, recall: number): number | null => (curves[engine] ? rateAt(curves[engine], recall) : null);
  const native = set.name === 'glove' ? '>= 1.6' : '>= 1.8';
  ratio('qps95.vs-hnswlib', at('heddle sq', 0.95), at('hnswlib native', 0.95), native);
  ratio('qps99.vs-hnswlib', at('heddle sq', 0.99), at('hnswlib native', 0.99), native);
  ratio('qps95.vs-hnswlib-wasm', at('heddle sq', 0.95), at('hnswlib-wasm', 0.95), set.name === 'glove' ? '>= 4.5' : '>= 8');
  ratio('exact-walk.vs-hnswlib', at('heddle none', 0.95), at('hnswlib native', 0.95), '>= 0.85');
  ratio('build.vs-hnswlib', equal.rate, build.native, '>= 1.8');
  figures.push({ name: `${prefix}.build-same-ef.vs-hnswlib`, value: rounded(build.heddle / build.native, 3), unit: '×' });
  const theirs = recallAt(curves['hnswlib native'], RECALL_EF);
  if (theirs !== null)
    figures.push({ name: `${prefix}.build-recall-loss`, value: rounded(theirs - equal.recall, 3), unit: '', goal: '<= 0.005' });
  return figures;
}
