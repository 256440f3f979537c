/** The hits of a batch as one list of ids for each query, without the places that are not used. */
import { EMPTY } from '../kernels/gpu/ordered-key.ts';
import type { GpuHits } from './gpu-backend.ts';

export function listsOf({ docIDs, k }: GpuHits): Uint32Array<ArrayBuffer>[] {
  return Array.from({ length: docIDs.length / k }, (_, q) => {
    const list = docIDs.subarray(q * k, (q + 1) * k);
    const end = list.indexOf(EMPTY);
    return end < 0 ? list : list.subarray(0, end);
  });
}
