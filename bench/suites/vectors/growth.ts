/**
 * What size costs: seeded synthetic rows (384 dimensions, clustered in 48 of them), searched and built at 10,000 and at a million,
 * rates read at equal recall. Rows are drawn in the worker: a million of them is 1.5 GB.
 */
import { rounded } from '../../run/statistics.ts';
import type { BenchContext, Figure } from '../../run/suite.ts';
import { rateAt, type Point } from './curve.ts';
import type { DataSet } from './datasets.ts';
import { EnginePage } from './engine-page.ts';
import { settingsOf } from './minilm.ts';

const DIMENSIONS = 384;
const SMALL = 10_000;
const LARGE = 1_000_000;
const QUERIES = 300;
const EFS = [12, 16, 24, 32, 48, 64, 96, 128, 200, 320, 640];
const RECALL = 0.95;

export async function measureGrowth(context: BenchContext, set: DataSet, rows: Record<string, unknown>[]): Promise<Figure[]> {
  const large = Number(context.option('growth-rows') ?? LARGE);
  const rates: number[] = [];
  const builds: number[] = [];
  for (const count of [SMALL, large]) {
    const engine = await EnginePage.open({ ...set, dimensions: DIMENSIONS, queries: QUERIES });
    try {
      await engine.generate(DIMENSIONS, count, QUERIES);
      const { rate } = await engine.build({
        ...settingsOf({ dimensions: DIMENSIONS, distance: 'cosine' }),
        keepRows: false,
        memoryBytesMax: 3e9,
      });
      await engine.findTruth();
      await engine.warm(64);
      const curve: Point[] = [];
      for (const ef of EFS) {
        const point = await engine.search(ef, 10);
        curve.push(point);
        rows.push({ engine: 'heddle sq, rows on disk', synthetic: count, buildPerCpuS: rate, ...point });
        if (point.recall > 0.995) break;
      }
      const at = rateAt(curve, RECALL);
      if (at === null) throw new Error(`recall ${RECALL} is not reached with ${count} rows`);
      context.log(`growth: ${count} rows: built ${rate.toFixed(0)}/s, ${at.toFixed(0)} queries/s at recall ${RECALL}`);
      rates.push(at);
      builds.push(rate);
    } finally {
      await engine.close();
    }
  }
  if (large !== LARGE) return [];
  return [
    { name: 'vectors.growth.qps-1m.vs-10k', value: rounded(rates[1] / rates[0], 3), unit: '×', goal: '>= 0.5' },
    { name: 'vectors.growth.build-1m.vs-10k', value: rounded(builds[1] / builds[0], 3), unit: '×', goal: '>= 0.5' },
  ];
}
