/** The plots of the suite as SVG files. */
import { writeFileSync } from 'node:fs';
import type { Point } from './curve.ts';

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 70;
const RIGHT = 170;
const TOP = 40;
const BOTTOM = 50;
const COLOURS = ['#0b6e4f', '#c44900', '#3454d1', '#8f2d56', '#6b705c', '#b08900'];

/** Recall against queries per second: logarithmic rate upwards, recall to the right, a line for each engine. */
export function writePlot(file: string, title: string, curves: Readonly<Record<string, readonly Point[]>>): void {
  const points = Object.values(curves).flat();
  const low = Math.floor(Math.min(...points.map(({ recall }) => recall)) * 20) / 20;
  const rates = points.map(({ qps }) => Math.log10(qps));
  const bottom = Math.floor(Math.min(...rates));
  const top = Math.ceil(Math.max(...rates));
  const x = (recall: number): number => LEFT + ((recall - low) / (1 - low)) * (WIDTH - LEFT - RIGHT);
  const y = (qps: number): number => HEIGHT - BOTTOM - ((Math.log10(qps) - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (let power = bottom; power <= top; power++) {
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(10 ** power)}" y2="${y(10 ** power)}" stroke="#ddd"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${y(10 ** power) + 4}" text-anchor="end">${(10 ** power).toLocaleString('en')}</text>`);
  }
  for (let recall = low; recall < 1.0001; recall += 0.05)
    parts.push(`<text x="${x(recall)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${recall.toFixed(2)}</text>`);
  Object.entries(curves).forEach(([name, curve], i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = curve.map(({ recall, qps }) => `${x(recall).toFixed(1)},${y(qps).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const { recall, qps } of curve)
      parts.push(`<circle cx="${x(recall).toFixed(1)}" cy="${y(qps).toFixed(1)}" r="3" fill="${colour}"/>`);
    parts.push(`<text x="${WIDTH - RIGHT + 12}" y="${TOP + 16 + i * 20}" fill="${colour}">${name}</text>`);
  });
  parts.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">recall@10</text>
<text x="16" y="${HEIGHT / 2}" transform="rotate(-90 16 ${HEIGHT / 2})" text-anchor="middle">queries per CPU second, one thread</text>`);
  writeSvg(file, title, HEIGHT, parts);
}

const BAR = 28;

/** One bar for each engine, its value beside it. */
export function writeBars(file: string, title: string, values: Readonly<Record<string, number>>): void {
  const most = Math.max(...Object.values(values));
  const height = TOP + BOTTOM / 2 + Object.keys(values).length * BAR;
  const bars = Object.entries(values).map(([name, value], i) => {
    const y = TOP + i * BAR;
    const width = (value / most) * (WIDTH - 2 * RIGHT);
    return `<text x="${RIGHT - 10}" y="${y + 15}" text-anchor="end">${name}</text>
<rect x="${RIGHT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 8}" fill="${COLOURS[i % COLOURS.length]}"/>
<text x="${(RIGHT + width + 8).toFixed(1)}" y="${y + 15}">${Math.round(value).toLocaleString('en')}</text>`;
  });
  writeSvg(file, title, height, bars);
}

function writeSvg(file: string, title: string, height: number, parts: readonly string[]): void {
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="15">${title}</text>
${parts.join('\n')}
</svg>
`,
  );
}
