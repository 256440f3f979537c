/**
 * Searching one index: the backlog exactly, then the coded slots by a walk, a filtered walk or an exact scan, then rescoring with
 * f32 rows.
 *
 * - Always the full k where k rows match: what a walk did not reach is found by the scan.
 * - One search at a time; the engine's scratch memory is shared with everything else that uses it.
 */
import type { Clock, Logger } from '../core/clock.ts';
import type { DocSet } from '../core/doc-set.ts';
import { Codec, floats, NONE, Walked, words, type Engine } from '../kernels/wasm/engine.ts';
import type { HnswConfig, VectorSchema } from '../schema/collection-schema.ts';
import type { ListedSlots } from './elsewhere.ts';
import { codecOf } from './graph-training.ts';
import { memoryFull } from './memory-full.ts';
import type { RowMemory } from './row-memory.ts';
import { SearchPlanner, type SearchPath } from './search-planner.ts';
import type { VectorHits, VectorRows, VectorSearchExplain, VectorSearchOptions } from './vector-index.ts';
import { POOL_SHARE, WalkStretch } from './walk-stretch.ts';

const SEEDS = 32;
/** How much wider a filtered walk goes than a plain one. */
const ACORN_WIDENING = 2;
/** Allowed nodes that a filtered walk means to meet by way of refused ones, for each node it expands. */
const SECOND_HOPS = 10;
/** Links of a node, about. */
const LINKS_MEAN = 20;
/** How much wider a walk of fixed width has to be to find what one finds that reaches as far as its k-th nearest says. */
const ELSEWHERE_WIDENING = 1.5;
/** Candidates that an exact search sorts; what else could be nearer is looked for in the list of all that was measured. */
const SCAN_WIDTH_MIN = 64;
/** What coded distances may be wrong by, at least, as a share: so far beyond the k-th distance candidates are kept for rescoring. */
const CODED_MARGIN = 0.01;
/** A walk under a filter gives up after this many times the hops expected: what passes lies away from the query. */
const HOPS_SPARE = 2;
const HOPS_MAX = 2 ** 31 - 1;
/** More results than this are looked for at the plain width. */
const STRETCHED_K_MAX = 1_024;
const NOTHING: VectorHits = { docIDs: new Uint32Array(0), distances: new Float32Array(0) };

export interface GraphSearchOptions {
  readonly schema: VectorSchema;
  /** Null: no graph, every search is a scan. */
  readonly hnsw: () => HnswConfig | null;
  readonly dimensions: number;
  readonly engine: Engine;
  readonly rows: VectorRows;
  readonly rowMemory: RowMemory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memoryBytesMax: number;
  /** Whether the graph holds all coded slots. */
  readonly graphWhole: () => boolean;
}

export class GraphSearch {
  private readonly options: GraphSearchOptions;
  private readonly engine: Engine;
  private readonly planner: SearchPlanner;
  private readonly stretch = new WalkStretch();
  /** Whether coded distances are good enough, and of a kind, to say how far is far. */
  private readonly stretches: boolean;
  explain: VectorSearchExplain = { path: 'exact', backend: 'wasm', ef: 0, distances: 0, hops: 0, rescored: 0, backlogScanned: 0 };

  constructor(options: GraphSearchOptions) {
    this.options = options;
    this.engine = options.engine;
    this.planner = new SearchPlanner(options.dimensions);
    const codec = codecOf(options.schema);
    this.stretches = options.schema.distance !== 'dot' && (codec === Codec.sq7 || codec === Codec.f32);
  }

  private get size(): number {
    return this.engine.exports.liveSlots() + this.engine.exports.waiting();
  }

  /** The query is at the engine's input. */
  search(k: number, { ef = null, allow, maxDistance = null }: VectorSearchOptions): VectorHits {
    if (k <= 0 || this.size === 0) return NOTHING;
    const { exports } = this.engine;
    const allowed = this.openFilter(allow);
    try {
      const scanned = exports.begin(k);
      if (scanned < 0) throw memoryFull(this.options.memoryBytesMax);
      const width = this.widthFor(k, ef);
      const path = this.run(k, width, allowed);
      this.explain = {
        path,
        backend: 'wasm',
        ef: path === 'exact' ? 0 : width,
        distances: exports.measured() + scanned,
        hops: exports.hops(),
        rescored: exports.rescored(),
        backlogScanned: scanned,
      };
      return this.answers(maxDistance);
    } finally {
      exports.closeAllow();
    }
  }

  /** Whether a search without a filter would walk. */
  get walkable(): boolean {
    return this.options.hnsw() !== null && this.engine.exports.entry() >>> 0 !== NONE && this.options.graphWhole();
  }

  /** Width of a walk elsewhere that finds what the walk here does; null where a scan would answer. */
  walkWidth(k: number, ef: number | null): number | null {
    return this.walkable ? Math.ceil(this.crowded(this.widthFor(k, ef)) * ELSEWHERE_WIDENING) : null;
  }

  /** The answer among slots found elsewhere (also stale ones) and the rows that wait; null where they are too few. */
  listed(k: number, { slots, path }: ListedSlots, { ef = null, allow, maxDistance = null }: VectorSearchOptions): VectorHits | null {
    const { exports } = this.engine;
    const bytes = Math.max(4, slots.byteLength);
    const block = exports.alloc(bytes) >>> 0;
    if (block === 0) return null;
    words(this.engine, block, slots.length).set(slots);
    const allowed = this.openFilter(allow);
    try {
      const scanned = exports.begin(k);
      if (scanned < 0 || !exports.takeListed(block, slots.length, this.rescoredMost(slots.length), path === 'exact' ? 1 : 0)) return null;
      this.rescore();
      if (exports.answerCount() < Math.min(k, allowed)) return null;
      this.explain = {
        path,
        backend: 'gpu',
        ef: path === 'exact' ? 0 : this.widthFor(k, ef),
        distances: slots.length + scanned,
        hops: 0,
        rescored: exports.rescored(),
        backlogScanned: scanned,
      };
      return this.answers(maxDistance);
    } finally {
      exports.release(block, bytes);
      exports.closeAllow();
    }
  }

  /** The answer of an exact search, whatever the planner thinks. */
  exact(k: number, allow?: DocSet): VectorHits {
    const { exports } = this.engine;
    this.openFilter(allow);
    try {
      if (exports.begin(k) < 0) throw memoryFull(this.options.memoryBytesMax);
      if (exports.liveSlots() > 0) this.scan(k);
      return this.answers(null);
    } finally {
      exports.closeAllow();
    }
  }

  /** Copies the allow-list in; returns how many docIDs it holds (all rows without one). */
  private openFilter(allow: DocSet | undefined): number {
    const { exports } = this.engine;
    if (!allow) return this.size;
    const address = exports.openAllow(Math.max(1, allow.words.length)) >>> 0;
    if (address === 0) throw memoryFull(this.options.memoryBytesMax);
    const target = words(this.engine, address, Math.max(1, allow.words.length));
    if (allow.words.length === 0) target[0] = 0;
    else target.set(allow.words);
    return exports.countAllowed();
  }

  /** Weaviate's rule: ef as asked or configured, else k × factor within its bounds; never below k. */
  private widthFor(k: number, asked: number | null): number {
    const hnsw = this.options.hnsw();
    if (!hnsw) return k;
    const { ef, dynamicEfFactor, dynamicEfMin, dynamicEfMax } = hnsw;
    const width = asked ?? (ef > 0 ? ef : Math.min(Math.max(k * dynamicEfFactor, dynamicEfMin), dynamicEfMax));
    return Math.max(width, k);
  }

  private run(k: number, ef: number, allowed: number): SearchPath {
    const { exports } = this.engine;
    const hnsw = this.options.hnsw();
    if (exports.liveSlots() === 0) return 'exact';
    if (!hnsw || !this.walkable) return this.timed('exact', () => this.scan(k));
    const filtered = allowed < this.size;
    const path = filtered ? this.runFiltered(hnsw, k, ef, allowed) : this.timed('graph', () => this.walkPlain(k, ef));
    if (path === 'exact' || exports.answerCount() >= Math.min(k, filtered ? allowed : this.size)) return path;
    if (!exports.clearAnswers(k)) throw memoryFull(this.options.memoryBytesMax);
    return this.timed('exact', () => this.scan(k));
  }

  private runFiltered(hnsw: HnswConfig, k: number, ef: number, allowed: number): SearchPath {
    if (allowed < hnsw.flatSearchCutoff) return this.timed('exact', () => this.scan(k));
    const share = allowed / this.size;
    const acorn = hnsw.filterStrategy === 'acorn';
    const hops = this.stretches && k <= STRETCHED_K_MAX ? hopsUnder(share, k, ef) : ef / share;
    const path = this.planner.choose(allowed, k, hops, acorn ? ef * ACORN_WIDENING : Infinity);
    if (path === 'exact') return this.timed('exact', () => this.scan(k));
    if (path === 'acorn') return this.timed('acorn', () => this.walkAllowed(ef, share));
    if (!this.stretches || k > STRETCHED_K_MAX) return this.timed('graph', () => this.walkWide(Math.ceil(this.crowded(ef) / share)));
    let found = true;
    this.timed('graph', () => (found = this.walkSifted(k, ef, share, hops)));
    if (found) return 'graph';
    // What passes lies away from the query: the way that does not depend on where.
    if (!this.engine.exports.clearAnswers(k)) throw memoryFull(this.options.memoryBytesMax);
    if (this.planner.choose(allowed, k, Infinity, acorn ? ef * ACORN_WIDENING : Infinity) === 'acorn')
      return this.timed('acorn', () => this.walkAllowed(ef, share));
    return this.timed('exact', () => this.scan(k));
  }

  /** Does the work of one way, and lets the planner learn what it cost. */
  private timed(path: SearchPath, work: () => unknown): SearchPath {
    const { clock } = this.options;
    const { exports } = this.engine;
    const hopsBefore = exports.hops();
    const measuredBefore = exports.measured();
    const started = clock.monotonic();
    work();
    if (path !== 'exact') this.rescore();
    const units = path === 'exact' ? exports.measured() - measuredBefore : exports.hops() - hopsBefore;
    this.planner.note(path, units, (clock.monotonic() - started) * 1000);
    return path;
  }

  /** A width at which tombstones, which take places in the pool, cost nothing. */
  private crowded(ef: number): number {
    const { exports } = this.engine;
    return ef * (1 + Math.min(3, exports.deadSlots() / exports.liveSlots()));
  }

  /** All nodes, as many as the pool holds. */
  private walkWide(width: number): void {
    if (!this.engine.exports.walk(width, this.rescoredMost(width), 0, 0, HOPS_MAX)) throw memoryFull(this.options.memoryBytesMax);
  }

  /** Allowed nodes only, and the refused ones between them. */
  private walkAllowed(ef: number, share: number): void {
    // What a filter allows may lie far from the query, where a walk at the plain width falls just short of its recall.
    const width = Math.ceil(this.crowded(ef) * ACORN_WIDENING);
    if (!this.engine.exports.walkAllowed(width, SEEDS, refusedMaxFor(share), this.rescoredMost(width)))
      throw memoryFull(this.options.memoryBytesMax);
  }

  /** All nodes, until the k-th allowed one says how far; false when that takes much longer than its share of the rows lets expect. */
  private walkSifted(k: number, ef: number, share: number, hops: number): boolean {
    const stretch = 1 + Math.max(CODED_MARGIN, this.stretch.excess(ef, k) * share);
    const most = Math.ceil(hops * HOPS_SPARE);
    const width = most * 4;
    const outcome = this.engine.exports.walk(width, this.rescoredMost(width), k, stretch, most);
    if (outcome === Walked.full) throw memoryFull(this.options.memoryBytesMax);
    return outcome === Walked.complete;
  }

  private walkPlain(k: number, ef: number): void {
    const { exports } = this.engine;
    const width = Math.ceil(this.crowded(ef));
    const stretch = this.stretches && k <= STRETCHED_K_MAX ? this.stretch.for(ef, k) : 0;
    if (stretch === 0) {
      this.walkWide(width);
      const count = exports.poolCount();
      if (this.stretches && count === width && k < count)
        this.stretch.survey(ef, k, exports.hops(), exports.poolDistance(k - 1), exports.poolDistance(count - 1));
      return;
    }
    const pool = width * POOL_SHARE;
    const outcome = exports.walk(pool, this.rescoredMost(pool), k, stretch, HOPS_MAX);
    if (outcome === Walked.full) throw memoryFull(this.options.memoryBytesMax);
    this.stretch.note(ef, k, exports.hops());
    if (outcome === Walked.cut) this.walkWide(width);
  }

  /** Rescoring stops by itself once nothing further down can enter the answer. */
  private rescoredMost(width: number): number {
    return Math.max(width, this.options.schema.quantizer.rescoreLimit);
  }

  /** Exact search of all slots that the filter allows. */
  private scan(k: number): void {
    if (!this.engine.exports.scanAll(Math.max(2 * k, SCAN_WIDTH_MIN))) throw memoryFull(this.options.memoryBytesMax);
    this.rescore();
  }

  /** Finishes the search: hands in the rows that are not in memory. */
  private rescore(): void {
    const { exports } = this.engine;
    const keep = this.options.rowMemory.keeps ? 1 : 0;
    while (exports.rescore(keep)) {
      const docID = exports.wanted() >>> 0;
      const row = floats(this.engine, exports.inputAddress() >>> 0, this.options.dimensions);
      if (this.options.rows.read(docID, row)) continue;
      exports.goWithout();
      this.options.logger.log('warn', 'vector index: a row is missing from its column, its code stands in', {
        vector: this.options.schema.name,
        docID,
      });
    }
  }

  private answers(maxDistance: number | null): VectorHits {
    const { exports } = this.engine;
    const count = exports.answerCount();
    const entries = words(this.engine, exports.answersAddress() >>> 0, count * 2);
    const values = new Float32Array(entries.buffer, entries.byteOffset, count * 2);
    let length = count;
    if (maxDistance !== null) while (length > 0 && values[2 * (length - 1)] > maxDistance) length--;
    const docIDs = new Uint32Array(length);
    const distances = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      distances[i] = values[2 * i];
      docIDs[i] = entries[2 * i + 1];
    }
    return { docIDs, distances };
  }
}

/** Hops of a walk that goes on until k rows of which a share passes are found: those nearer than the k-th, and a part of the width. */
function hopsUnder(share: number, k: number, ef: number): number {
  return k / share + ef * 0.3;
}

/** Refused neighbours that a filtered walk looks through for each node: enough to meet about `SECOND_HOPS` allowed nodes more. */
function refusedMaxFor(share: number): number {
  return Math.min(64, Math.max(8, Math.ceil(SECOND_HOPS / (LINKS_MEAN * share))));
}
