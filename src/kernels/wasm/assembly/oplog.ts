/**
 * What inserting and repairing did, as the graph log's operations (docs/format/graph-log.md): 32-bit words in a buffer that
 * JavaScript drains between calls. Recording is off while a log is replayed.
 *
 * The buffer holds the most that one call can produce, so no call ever runs out of it: a caller drains before it is
 * half full.
 */
import { alloc, allocScratch, release } from './memory';

export const OP_INSERT: u32 = 1;
export const OP_LINKS: u32 = 2;
export const OP_UPPER_NEW: u32 = 3;
export const OP_UPPER_LINKS: u32 = 4;
export const OP_DEAD: u32 = 5;
export const OP_FREE: u32 = 6;
export const OP_UPPER_FREE: u32 = 7;
export const OP_REBIND: u32 = 8;
export const OP_ENTRY: u32 = 9;
export const OP_PLACE: u32 = 10;

let buffer: usize = 0;
let capacityBytes: usize = 0;
let length: usize = 0;
export let recording: bool = false;

export function setRecording(on: bool): void {
  recording = on;
}

export function setUpLog(bytes: usize): bool {
  buffer = alloc(bytes);
  capacityBytes = bytes;
  return buffer != 0;
}

/** Appends one word. The buffer doubles where it must, also beyond the limit: a log that lacks words costs a rebuild at the next open. */
export function word(value: u32): void {
  if (!recording) return;
  if (length + 4 > capacityBytes) {
    const bigger = allocScratch(capacityBytes << 1);
    if (bigger == 0) return;
    memory.copy(bigger, buffer, length);
    release(buffer, capacityBytes);
    buffer = bigger;
    capacityBytes <<= 1;
  }
  store<u32>(buffer + length, value);
  length += 4;
}

/** Appends `n` words from memory. */
export function words(from: usize, n: i32): void {
  for (let i = 0; i < n; i++) word(load<u32>(from + (<usize>i << 2)));
}

export function logAddress(): usize {
  return buffer;
}
export function logBytes(): usize {
  return length;
}
export function clearLog(): void {
  length = 0;
}
