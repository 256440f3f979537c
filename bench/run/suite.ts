/**
 * What a benchmark suite is: `bench/suites/<name>/main.ts` exports `run`, and `figures`, the names a full run must give. The
 * names stand in `bench/suites/<name>/figures.ts` (which imports nothing, so that a test can compare them with the documents)
 * and `main.ts` re-exports them.
 *
 * - A figure is a stable, documented number (`docs/benchmarks.md`); a row is anything else worth keeping.
 * - A figure that could not be taken is left out and named in `missing` with the reason; the run then exits non-zero.
 * - `x.vs-y` is ours ÷ theirs in the row's own unit.
 */
export interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit: string;
  /** What it is meant to reach, as `<= 120` or `>= 1.8`; the report says whether it does. */
  readonly goal?: string;
}

export interface SuiteResult {
  readonly figures: readonly Figure[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly missing?: readonly { readonly name: string; readonly reason: string }[];
}

export interface BenchContext {
  readonly suite: string;
  /** Words of the command line after the suite's name, without `--json FILE`. */
  readonly args: readonly string[];
  /** Value of `--name VALUE`, or undefined. */
  option(name: string): string | undefined;
  flag(name: string): boolean;
  log(text: string): void;
  /** The repository. */
  readonly root: string;
  /** A folder of the suite's own that git ignores and that is kept between runs: data sets, profiles, compiled peers. */
  readonly cache: string;
}

export interface SuiteModule {
  run(context: BenchContext): Promise<SuiteResult>;
  /** Names that a full run gives; one that is neither given nor missing with a reason is an error. */
  readonly figures?: readonly string[];
}

/** The shape every suite, crash run and soak run writes. */
export interface Report extends SuiteResult {
  readonly suite: string;
  readonly commit: string;
  readonly machine: string;
  readonly date: string;
}
