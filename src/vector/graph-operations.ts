/**
 * The graph log's operations, read word by word (`docs/format/graph-log.md`): for those who watch what changes. Wasm makes them
 * and applies them.
 */

/** Reaches the disk: never renumber. */
export const GraphOp = {
  insert: 1,
  links: 2,
  upperNew: 3,
  upperLinks: 4,
  dead: 5,
  free: 6,
  upperFree: 7,
  rebind: 8,
  entry: 9,
  place: 10,
} as const;

const NOTHING = new Uint32Array(0);

/**
 * Calls back for each operation on level 0 that changes a slot's code or links, with the slots whose lists it was appended to
 * (and some that were full, whose own operation follows).
 */
export function forEachOperation(operations: Uint32Array, each: (op: number, slot: number, targets: Uint32Array) => void): void {
  for (let at = 0, size = 0; at < operations.length; at += size) {
    const head = operations[at];
    const op = head & 255;
    const n = (head >>> 8) & 0xffff;
    const mask = (n + 31) >>> 5;
    if (op === GraphOp.insert) {
      size = 5 + mask + n;
      each(op, operations[at + 1], operations.subarray(at + 5 + mask, at + size));
    } else if (op === GraphOp.links) {
      size = 2 + n;
      each(op, operations[at + 1], NOTHING);
    } else if (op === GraphOp.place || op === GraphOp.rebind) {
      size = 5;
      if (op === GraphOp.place) each(op, operations[at + 1], NOTHING);
    } else if (op === GraphOp.free) {
      size = 2;
      each(op, operations[at + 1], NOTHING);
    } else if (op === GraphOp.upperNew) size = 4 + mask + n;
    else if (op === GraphOp.upperLinks) size = 2 + n;
    else size = op === GraphOp.dead ? 4 : 2;
  }
}
