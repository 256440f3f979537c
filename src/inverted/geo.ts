/**
 * Places on the globe: distances, and keys whose byte order keeps near places together.
 *
 *   key := z-order of latitude and longitude (2 × 32 bits interleaved, big-endian) | latitude f64 | longitude f64
 *
 * The exact coordinates in the key make the filter exact; the z-order makes it a few key ranges. Distance is the haversine
 * on a sphere of 6,371,000.8 m (the mean radius), in metres, as Weaviate has it.
 */
import type { GeoRange } from '../schema/filter.ts';

const EARTH_RADIUS_METRES = 6_371_000.8;
const RADIANS = Math.PI / 180;
const KEY_BYTES = 24;
/** Cells a circle is covered with, about. */
const CELLS_MAX = 48;

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

export function placeOf(value: unknown): Place | null {
  if (typeof value !== 'object' || value === null) return null;
  const { latitude, longitude } = value as Partial<Place>;
  return typeof latitude === 'number' && typeof longitude === 'number' ? { latitude, longitude } : null;
}

export function metresBetween(a: Place, b: Place): number {
  const sinLatitude = Math.sin(((b.latitude - a.latitude) * RADIANS) / 2);
  const sinLongitude = Math.sin(((b.longitude - a.longitude) * RADIANS) / 2);
  const h = sinLatitude * sinLatitude + Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS) * sinLongitude * sinLongitude;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** A place as a memtable key. */
export const geoTerm = ({ latitude, longitude }: Place): string => `${latitude + 0},${longitude + 0}`;

export function placeOfTerm(term: string): Place {
  const comma = term.indexOf(',');
  return { latitude: Number(term.slice(0, comma)), longitude: Number(term.slice(comma + 1)) };
}

const cell = (value: number, low: number, span: number): number =>
  Math.min(0xffffffff, Math.floor(((value - low) / span) * 0x1_0000_0000)) >>> 0;

export function geoKeyBytes(term: string): Uint8Array {
  const { latitude, longitude } = placeOfTerm(term);
  const key = new Uint8Array(KEY_BYTES);
  const view = new DataView(key.buffer);
  const [high, low] = interleave(cell(latitude, -90, 180), cell(longitude, -180, 360));
  view.setUint32(0, high);
  view.setUint32(4, low);
  view.setFloat64(8, latitude);
  view.setFloat64(16, longitude);
  return key;
}

export function geoOfKey(key: Uint8Array): string {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return geoTerm({ latitude: view.getFloat64(8), longitude: view.getFloat64(16) });
}

function spread(value: number): number {
  let x = value & 0xffff;
  x = (x | (x << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

function interleave(y: number, x: number): [number, number] {
  return [((spread(y >>> 16) << 1) | spread(x >>> 16)) >>> 0, ((spread(y) << 1) | spread(x)) >>> 0];
}

export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | null;
}

interface Box {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/** Key ranges that hold every place within the circle, and others: check the distance. */
export function rangesOfCircle({ latitude, longitude, distance }: GeoRange): KeyRange[] {
  const boxes = boxesOf(latitude, longitude, distance);
  let cells: { level: number; y: number; x: number }[] = [{ level: 0, y: 0, x: 0 }];
  for (let level = 1; level <= 26; level++) {
    const finer = cells.flatMap(({ y, x }) =>
      [0, 1, 2, 3]
        .map((quarter) => ({ level, y: y * 2 + (quarter >>> 1), x: x * 2 + (quarter & 1) }))
        .filter((c) => boxes.some((box) => touches(c, box))),
    );
    if (finer.length > CELLS_MAX) break;
    cells = finer;
  }
  return cells.map(rangeOfCell);
}

function boxesOf(latitude: number, longitude: number, distance: number): Box[] {
  const angle = distance / EARTH_RADIUS_METRES;
  const slack = 1e-7;
  const south = latitude - angle / RADIANS - slack;
  const north = latitude + angle / RADIANS + slack;
  const ratio = Math.sin(Math.min(angle, Math.PI / 2)) / Math.cos(latitude * RADIANS);
  if (south <= -90 || north >= 90 || !(ratio < 1)) return [{ south, north, west: -180, east: 180 }];
  const half = Math.asin(ratio) / RADIANS + slack;
  const [west, east] = [longitude - half, longitude + half];
  const boxes = [{ south, north, west: Math.max(-180, west), east: Math.min(180, east) }];
  if (west < -180) boxes.push({ south, north, west: west + 360, east: 180 });
  if (east > 180) boxes.push({ south, north, west: -180, east: east - 360 });
  return boxes;
}

function touches({ level, y, x }: { level: number; y: number; x: number }, box: Box): boolean {
  const height = 180 / 2 ** level;
  const width = 360 / 2 ** level;
  const south = -90 + y * height;
  const west = -180 + x * width;
  return south <= box.north && south + height >= box.south && west <= box.east && west + width >= box.west;
}

function rangeOfCell({ level, y, x }: { level: number; y: number; x: number }): KeyRange {
  if (level === 0) return { from: new Uint8Array(8), to: null };
  const side = 2 ** (32 - level);
  const from = new Uint8Array(8);
  const view = new DataView(from.buffer);
  const [high, low] = interleave((y * side) >>> 0, (x * side) >>> 0);
  view.setUint32(0, high);
  view.setUint32(4, low);
  const last = new Uint8Array(8);
  const lastView = new DataView(last.buffer);
  const [lastHigh, lastLow] = interleave((y * side + side - 1) >>> 0, (x * side + side - 1) >>> 0);
  lastView.setUint32(0, lastHigh);
  lastView.setUint32(4, lastLow);
  return { from, to: afterPrefix(last) };
}

function afterPrefix(prefix: Uint8Array): Uint8Array | null {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i] === 0xff) continue;
    const after = prefix.slice(0, i + 1);
    after[i]++;
    return after;
  }
  return null;
}
