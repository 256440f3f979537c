/**
 * Which neighbouring segments to merge next: size tiers, as in Cassandra and RocksDB's universal style, so that an entry is
 * rewritten about log₄(size of the store) times; and everything once a good part of it is dead.
 *
 * Invariants: only neighbours are merged, because a newer segment hides an older one; damaged segments are never inputs.
 */
export interface MergeCandidate {
  readonly bytes: number;
  readonly isDamaged: boolean;
}

export interface MergePolicy {
  readonly fanout: number;
  readonly bytesMax: number;
}

/** Segments [from, to) of the newest-first list. */
export interface MergeRun {
  readonly from: number;
  readonly to: number;
}

const TIER_BASE_BYTES = 1 << 20;
const SEGMENTS_MAX = 16;

function tierOf(bytes: number): number {
  return bytes <= TIER_BASE_BYTES ? 0 : Math.ceil(Math.log(bytes / TIER_BASE_BYTES) / Math.log(4));
}

/** The next run by size, or null. `segments` newest first. */
export function pickBySize(segments: readonly MergeCandidate[], policy: MergePolicy): MergeRun | null {
  const highest = segments.reduce((most, segment) => Math.max(most, tierOf(segment.bytes)), 0);
  for (let tier = 0; tier <= highest; tier++)
    for (const run of runsWhere(segments, (segment) => tierOf(segment.bytes) <= tier)) {
      const ofTier = segments.slice(run.from, run.to).filter((segment) => tierOf(segment.bytes) === tier).length;
      if (ofTier >= policy.fanout && bytesOf(segments, run) <= policy.bytesMax) return run;
    }
  return segments.length > SEGMENTS_MAX ? smallestWindow(segments, policy) : null;
}

/** Everything that can be merged together, oldest end first; a single segment only when it is worth it for its garbage. */
export function pickWhole(segments: readonly MergeCandidate[], evenOne: boolean): MergeRun | null {
  const runs = runsWhere(segments, () => true);
  return runs.findLast((run) => run.to - run.from > (evenOne ? 0 : 1)) ?? null;
}

function smallestWindow(segments: readonly MergeCandidate[], policy: MergePolicy): MergeRun | null {
  let best: MergeRun | null = null;
  for (const run of runsWhere(segments, () => true))
    for (let from = run.from; from + policy.fanout <= run.to; from++) {
      const window = { from, to: from + policy.fanout };
      const bytes = bytesOf(segments, window);
      if (bytes <= policy.bytesMax && (best === null || bytes < bytesOf(segments, best))) best = window;
    }
  return best;
}

function runsWhere(segments: readonly MergeCandidate[], belongs: (segment: MergeCandidate) => boolean): MergeRun[] {
  const runs: MergeRun[] = [];
  let from = 0;
  for (let i = 0; i <= segments.length; i++) {
    if (i < segments.length && !segments[i].isDamaged && belongs(segments[i])) continue;
    if (i > from) runs.push({ from, to: i });
    from = i + 1;
  }
  return runs;
}

function bytesOf(segments: readonly MergeCandidate[], run: MergeRun): number {
  let sum = 0;
  for (let i = run.from; i < run.to; i++) sum += segments[i].bytes;
  return sum;
}
