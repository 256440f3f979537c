/** What is measured on MiniLM alone: memory, disk, reopening, filters, churn, 1-bit codes. Each part stands for itself. */
import { median, rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure } from '../../run/suite.ts';
import type { DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';
import type { IndexSettings } from './measured-index.ts';

const K = 10;
/** The width that Weaviate's rule gives ten results. */
const EF = 100;
const MEMORY_BYTES = 2_000 * 1024 * 1024;
const REOPENINGS = 5;

type Rows = Record<string, unknown>[];
type Part = (engine: EnginePage, settings: IndexSettings, rows: Rows) => Promise<Figure[]>;

/** A part with a browser of its own. */
export const onMiniLm =
  (part: Part) =>
  async (_context: BenchContext, set: DataSet, rows: Rows): Promise<Figure[]> => {
    const engine = await EnginePage.open(set);
    try {
      return await part(engine, settingsOf(set), rows);
    } finally {
      await engine.close();
    }
  };

export function settingsOf({ dimensions, distance }: Pick<DataSet, 'dimensions' | 'distance'>): IndexSettings {
  return {
    dimensions,
    distance,
    maxConnections: 16,
    efConstruction: 200,
    quantizer: 'sq',
    keepRows: true,
    memoryBytesMax: MEMORY_BYTES,
  };
}

/** f32 rows on disk: bytes a vector, graph files, time to reopen. */
export const memory: Part = async (engine, settings, rows) => {
  const { built } = await engine.build({ ...settings, keepRows: false });
  const reopened: number[] = [];
  for (let round = 0; round < REOPENINGS; round++) reopened.push((await engine.reopen()).wallMs);
  rows.push({ engine: 'heddle sq, rows on disk', reopenMs: reopened, ...built, ...(await engine.search(EF, K)) });
  return [
    { name: 'vectors.bytes-per-vector', value: rounded(built.bytesPerVector), unit: 'bytes', goal: '<= 540' },
    { name: 'vectors.building-bytes-per-vector', value: rounded(built.peakBytesPerVector), unit: 'bytes', goal: '<= 680' },
    { name: 'vectors.graph-disk.vs-arena', value: rounded(built.diskBytesPeakVsArena, 3), unit: '×', goal: '<= 2.2' },
    { name: 'vectors.reopen-ms', value: rounded(median(reopened)), unit: 'ms', goal: '<= 120' },
  ];
};

export const filters: Part = async (engine, settings, rows) => {
  await engine.build(settings);
  await engine.warm(EF);
  const plain = await engine.search(EF, K);
  const figures: Figure[] = [];
  for (const [percent, share] of [
    ['1', 0.01],
    ['10', 0.1],
  ] as const) {
    const filtered = await engine.searchFiltered(share, EF, K);
    rows.push({ engine: 'heddle sq', filtered: share, ...filtered, unfilteredQps: plain.qps });
    figures.push(
      { name: `vectors.filtered${percent}.recall`, value: rounded(filtered.recall), unit: '', goal: '>= 0.95' },
      { name: `vectors.filtered${percent}.qps.vs-unfiltered`, value: rounded(filtered.qps / plain.qps, 3), unit: '×', goal: '>= 0.5' },
    );
  }
  return figures;
};

export const churn: Part = async (engine, settings, rows) => {
  await engine.build(settings);
  const churned = await engine.churn(3, 64, K);
  rows.push({ engine: 'heddle sq', churn: 3, ...churned });
  return [{ name: 'vectors.churn.recall-loss', value: rounded(churned.recallBefore - churned.recallAfter, 3), unit: '', goal: '<= 0.01' }];
};

export const compact: Part = async (engine, settings, rows) => {
  const { built } = await engine.build({ ...settings, quantizer: 'bq', keepRows: false });
  for (const ef of [64, 128, 256]) rows.push({ engine: 'heddle bq, rows on disk', ...(await engine.search(ef, K)) });
  return [{ name: 'vectors.compact-bytes-per-vector', value: rounded(built.bytesPerVector), unit: 'bytes', goal: '<= 210' }];
};
