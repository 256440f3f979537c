/**
 * The graph walk of `kernels/gpu/graph-walk.ts` in plain code: one list of the ef nearest seen, the nearest unexpanded one is
 * expanded until none is left. Its visited set forgets nothing, which by the argument there changes no answer.
 */
import { EMPTY } from '../gpu/ordered-key.ts';

export interface WalkGraph {
  readonly degree: number;
  /** `[rows × degree]`, padded with EMPTY. */
  readonly links: Uint32Array;
  readonly seeds: Uint32Array;
}

export interface WalkResult {
  readonly rows: Uint32Array;
  readonly distances: Float32Array;
  readonly hops: number;
  readonly scored: number;
}

/** `distanceTo` gives the distance of the query to a row. */
export function walkGraph(graph: WalkGraph, ef: number, distanceTo: (row: number) => number): WalkResult {
  const list: { row: number; distance: number; expanded: boolean }[] = [];
  const visited = new Set<number>();
  let hops = 0;
  const offer = (row: number): void => {
    if (row === EMPTY || visited.has(row)) return;
    visited.add(row);
    const distance = Math.fround(distanceTo(row));
    let at = list.length;
    while (at > 0 && (list[at - 1].distance > distance || (list[at - 1].distance === distance && list[at - 1].row > row))) at--;
    if (at >= ef) return;
    list.splice(at, 0, { row, distance, expanded: false });
    if (list.length > ef) list.pop();
  };
  for (const seed of graph.seeds) offer(seed);
  for (let next = list.find((c) => !c.expanded); next; next = list.find((c) => !c.expanded)) {
    next.expanded = true;
    hops++;
    const first = next.row * graph.degree;
    for (let i = 0; i < graph.degree; i++) offer(graph.links[first + i]);
  }
  return { rows: Uint32Array.from(list, (c) => c.row), distances: Float32Array.from(list, (c) => c.distance), hops, scored: visited.size };
}
