/**
 * Memory of one vector index: blocks cut from linear memory, which only grows; released blocks are reused by size.
 *
 * - `alloc` returns a 64-byte aligned, zeroed block, or 0 when the limit is reached: no caller may trap on a full memory.
 * - Few block sizes exist (arena chunk, row chunk, table page, scratch), so a list per size is enough.
 */

const SIZES_MAX: i32 = 48;
const PAGE: usize = 65536;

const sizes: usize = memory.data(SIZES_MAX * 4, 16);
const heads: usize = memory.data(SIZES_MAX * 4, 16);
let sizeCount: i32 = 0;
let top: usize = 0;
let limitBytes: f64 = 4294967296.0;
let inUse: usize = 0;

export function setLimit(bytes: f64): void {
  limitBytes = bytes;
}

/** Bytes of blocks handed out and not released. */
export function bytesInUse(): usize {
  return inUse;
}

// @ts-ignore: decorator
@inline
function rounded(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

function classOf(bytes: usize): i32 {
  for (let i = 0; i < sizeCount; i++) if (<usize>load<u32>(sizes + (<usize>i << 2)) == bytes) return i;
  return -1;
}

/** Whether `bytes` more would still be within the limit. */
export function fits(bytes: usize): bool {
  return <f64>inUse + <f64>bytes <= limitBytes;
}

/** For rows and their links: within the limit. */
export function alloc(wanted: usize): usize {
  return fits(rounded(wanted)) ? allocScratch(wanted) : 0;
}

/** For what a search or repair needs while it runs: small, and allowed beyond the limit, so that a full index still answers. */
export function allocScratch(wanted: usize): usize {
  const bytes = rounded(wanted);
  const known = classOf(bytes);
  if (known >= 0) {
    const head = <usize>load<u32>(heads + (<usize>known << 2));
    if (head != 0) {
      store<u32>(heads + (<usize>known << 2), load<u32>(head));
      memory.fill(head, 0, bytes);
      inUse += bytes;
      return head;
    }
  }
  if (top == 0) top = rounded(__heap_base);
  const end = top + bytes;
  if (end < top) return 0;
  const have = <usize>memory.size() * PAGE;
  if (end > have) {
    const pages = <i32>((end - have + PAGE - 1) / PAGE);
    if (memory.grow(pages) < 0) return 0;
  }
  const block = top;
  top = end;
  inUse += bytes;
  return block;
}

/** Gives a block of `alloc(bytes)` back. */
export function release(block: usize, wanted: usize): void {
  if (block == 0) return;
  const bytes = rounded(wanted);
  let known = classOf(bytes);
  if (known < 0) {
    if (sizeCount == SIZES_MAX) return;
    known = sizeCount++;
    store<u32>(sizes + (<usize>known << 2), <u32>bytes);
    store<u32>(heads + (<usize>known << 2), 0);
  }
  store<u32>(block, load<u32>(heads + (<usize>known << 2)));
  store<u32>(heads + (<usize>known << 2), <u32>block);
  inUse -= bytes;
}
