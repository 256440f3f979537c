/**
 * npm run bench -- vectors [--sets minilm,glove,fashion-mnist] [--only curves,peers,memory,filters,churn,compact,api,growth]
 *   [--rounds 2] [--rows N] [--growth-rows 1000000] [--peers hnswlib-wasm,edgevec,usearch,pgvector] [--plots FOLDER] [--join A.json,B.json] [--json FILE]
 *
 * Engine against native hnswlib (compiled here with -O3 -march=native) and browser peers: one thread each, same M and
 * efConstruction, in turns; rates are per second of the measuring thread's own CPU time. `--rows` takes fewer rows for a
 * quick look. A run in parts (`--sets`, `--only`) is put together by `--join`, which measures nothing itself. What a part took is
 * among the rows; data sets and native programs are kept in `bench/.cache/vectors`.
 */
import { readFileSync } from 'node:fs';
import type { BenchContext, Figure, Report, SuiteResult } from '../../run/suite.ts';
import { measureApi } from './api.ts';
import { measureCurves } from './curves.ts';
import { dataSet, type DataSet } from './datasets.ts';
import { FIGURES } from './figures.ts';
import { measureGrowth } from './growth.ts';
import { churn, compact, filters, memory, onMiniLm } from './minilm.ts';
import { measureSmallPeers } from './small-peers.ts';

export const figures = FIGURES;

type Rows = Record<string, unknown>[];
type Part = (context: BenchContext, set: DataSet, rows: Rows) => Promise<Figure[]>;

/** Whatever is not of every set is measured on MiniLM. */
const PARTS: Record<string, { readonly everySet: boolean; readonly run: Part }> = {
  api: { everySet: false, run: measureApi },
  memory: { everySet: false, run: onMiniLm(memory) },
  filters: { everySet: false, run: onMiniLm(filters) },
  curves: { everySet: true, run: (context, set, rows) => measureCurves(context, set, peersOf(context), rows) },
  compact: { everySet: false, run: onMiniLm(compact) },
  churn: { everySet: false, run: onMiniLm(churn) },
  growth: { everySet: false, run: measureGrowth },
  peers: { everySet: true, run: (context, set, rows) => measureSmallPeers(context, set.name, peersOf(context), rows) },
};

export async function run(context: BenchContext): Promise<SuiteResult> {
  const joined = context.option('join');
  if (joined !== undefined) return join(joined.split(','));
  const sets = (context.option('sets') ?? 'minilm,glove,fashion-mnist').split(',') as DataSet['name'][];
  const only = (context.option('only') ?? Object.keys(PARTS).join(',')).split(',');
  const rows: Rows = [];
  const figures: Figure[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const name of sets) {
    for (const [part, { everySet, run }] of Object.entries(PARTS)) {
      if (!only.includes(part) || !(everySet || name === 'minilm')) continue;
      const began = performance.now();
      try {
        const found = await run(context, dataSet(name, context.root, context.cache, Number(context.option('rows') ?? Infinity)), rows);
        for (const { name: figure, value, unit } of found) context.log(`${figure} ${value} ${unit}`);
        figures.push(...found);
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        context.log(`${name}, ${part}: ${reason}`);
        missing.push({ name: `vectors.${name} (${part})`, reason });
      }
      const seconds = Math.round((performance.now() - began) / 1000);
      context.log(`${name}, ${part}: ${seconds} s`);
      rows.push({ set: name, part, seconds });
    }
  }
  return { figures, rows, missing };
}

const peersOf = (context: BenchContext): string[] => (context.option('peers') ?? 'hnswlib-wasm,edgevec,usearch,pgvector').split(',');

/** Reports of parts as one; a later figure of the same name counts. */
function join(files: readonly string[]): SuiteResult {
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);
  const byName = new Map(reports.flatMap(({ figures }) => figures).map((figure) => [figure.name, figure]));
  return {
    figures: [...byName.values()],
    rows: reports.flatMap(({ commit, machine, date, rows }) => [{ commit, machine, date }, ...rows]),
    missing: reports
      .flatMap(({ missing }) => missing ?? [])
      .filter(({ name, reason }) => !FIGURES.includes(name) && !byName.has(name) && reason !== ''),
  };
}
