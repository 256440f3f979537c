/**
 * Pipelines by what they do. Each kernel has one name, used for caching, self-test and reports.
 */
import { gatherRowsWgsl } from '../kernels/gpu/gather-rows.ts';
import { graphWalkWgsl, type GraphWalkOptions } from '../kernels/gpu/graph-walk.ts';
import { kmeansAssignWgsl } from '../kernels/gpu/kmeans-assign.ts';
import { pruneLinksWgsl, type PruneLinksOptions } from '../kernels/gpu/prune-links.ts';
import { formatName, type RowFormat } from '../kernels/gpu/row-format.ts';
import { scorePairsWgsl } from '../kernels/gpu/score-pairs.ts';
import { selectNearestWgsl, type SelectOptions } from '../kernels/gpu/select-nearest.ts';
import { tileDistancesWgsl, type TileDistancesOptions } from '../kernels/gpu/tile-distances.ts';
import type { GpuDevice } from './gpu-device.ts';

export type Kernel = Promise<GPUComputePipeline>;

/** Names of kernel families as self-test and reports use them. */
export const tileKernelName = (o: TileDistancesOptions): string =>
  `tile-${formatName(o.format)}-${o.shape.lanes}x${o.shape.each}${o.gather ? '-gather' : ''}${o.queryIsRow ? '-rows' : ''}`;
export const selectKernelName = (o: SelectOptions): string => `select-${o.width}-${o.source}${o.allow ? '-allow' : ''}`;
export const walkKernelName = (o: GraphWalkOptions): string =>
  `walk-${formatName(o.format)}-ef${o.ef}-m${o.degree}-h${o.hashEntries}${o.queryIsRow ? '-rows' : ''}`;
export const pruneKernelName = (o: PruneLinksOptions): string =>
  `prune-${o.mode}-${formatName(o.format)}-${o.degree}-${o.keep}-${o.widthA}-${o.widthB}`;

export const tileKernel = (gpu: GpuDevice, o: TileDistancesOptions): Kernel => gpu.pipeline(tileKernelName(o), () => tileDistancesWgsl(o));
export const selectKernel = (gpu: GpuDevice, o: SelectOptions): Kernel => gpu.pipeline(selectKernelName(o), () => selectNearestWgsl(o));
export const walkKernel = (gpu: GpuDevice, o: GraphWalkOptions): Kernel => gpu.pipeline(walkKernelName(o), () => graphWalkWgsl(o));
export const pruneKernel = (gpu: GpuDevice, o: PruneLinksOptions): Kernel => gpu.pipeline(pruneKernelName(o), () => pruneLinksWgsl(o));
export const scoreKernel = (gpu: GpuDevice, format: RowFormat): Kernel =>
  gpu.pipeline(`score-${formatName(format)}`, () => scorePairsWgsl(format));
export const gatherKernel = (gpu: GpuDevice): Kernel => gpu.pipeline('gather', gatherRowsWgsl);
export const kmeansKernel = (gpu: GpuDevice): Kernel => gpu.pipeline('kmeans', kmeansAssignWgsl);
