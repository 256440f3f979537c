/**
 * A random rotation in O(d log d): rounds of sign flips and Walsh–Hadamard transforms, alternately over the first and the
 * last 2^k dimensions, so that any number of dimensions mixes. Lengths and angles stay. Signs come from a fixed generator:
 * the rotation is the same in every build and session.
 */
import { padded, rowBytes } from './config';

const ROUNDS: i32 = 4;

// @ts-ignore: decorator
@inline
function signOf(round: i32, i: i32): f32 {
  let h = <u32>(i * 4 + round) * 0x9e3779b1;
  h = (h ^ (h >>> 15)) * 0x85ebca77;
  h = (h ^ (h >>> 13)) * 0xc2b2ae3d;
  return ((h ^ (h >>> 16)) & 1) == 0 ? 1 : -1;
}

/** Rotates the padded row at `row` in place. */
export function rotate(row: usize): void {
  let size = 1;
  while (size << 1 <= padded) size <<= 1;
  const by: f32 = <f32>1 / sqrt<f32>(<f32>size);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < padded; i++) {
      const at = row + (<usize>i << 2);
      store<f32>(at, load<f32>(at) * signOf(round, i));
    }
    hadamard((round & 1) == 0 ? row : row + rowBytes - (<usize>size << 2), size, by);
  }
}

/** Walsh–Hadamard transform of `size` floats, scaled by `by`. */
function hadamard(row: usize, size: i32, by: f32): void {
  for (let i = 0; i < size; i += 4) {
    const at = row + (<usize>i << 2);
    const a = load<f32>(at);
    const b = load<f32>(at, 4);
    const c = load<f32>(at, 8);
    const d = load<f32>(at, 12);
    store<f32>(at, (a + b + (c + d)) * by);
    store<f32>(at, (a - b + (c - d)) * by, 4);
    store<f32>(at, (a + b - (c + d)) * by, 8);
    store<f32>(at, (a - b - (c - d)) * by, 12);
  }
  for (let half = 4; half < size; half <<= 1) {
    const gap = <usize>half << 2;
    for (let start = 0; start < size; start += half << 1) {
      const from = row + (<usize>start << 2);
      for (let i: usize = 0; i < gap; i += 16) {
        const x = v128.load(from + i);
        const y = v128.load(from + gap + i);
        v128.store(from + i, f32x4.add(x, y));
        v128.store(from + gap + i, f32x4.sub(x, y));
      }
    }
  }
}
