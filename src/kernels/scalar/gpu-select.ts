/** The k nearest by (distance, id), as the selection kernel orders them. */
import { EMPTY, keyOfDistance } from '../gpu/ordered-key.ts';

export interface Nearest {
  readonly ids: Uint32Array;
  readonly keys: Uint32Array;
}

/** `ids` runs in parallel with `distances`; EMPTY ids and ids that `isAllowed` refuses are passed over. */
export function nearest(
  distances: ArrayLike<number>,
  ids: ArrayLike<number>,
  k: number,
  isAllowed: (id: number) => boolean = () => true,
): Nearest {
  const order: { key: number; id: number }[] = [];
  for (let i = 0; i < distances.length; i++)
    if (ids[i] !== EMPTY && isAllowed(ids[i])) order.push({ key: keyOfDistance(distances[i]), id: ids[i] });
  order.sort((a, b) => a.key - b.key || a.id - b.id);
  const kept = order.slice(0, k);
  return { ids: Uint32Array.from(kept, (c) => c.id), keys: Uint32Array.from(kept, (c) => c.key) };
}
