/** The answer to a `SearchRequest`: ranked winners as columns, their objects as pages, to be put together on the page. */

export interface SearchReply {
  /** Winners in rank order, 16 bytes each. */
  readonly uuids: Uint8Array;
  /** Higher is better, whatever was asked. */
  readonly scores: Float64Array;
  /** Vector distance of each winner, NaN where it has none; null when no vector was asked for. */
  readonly distances: Float64Array | null;
  /** Object pages that hold every winner once, in no order; matched by UUID. */
  readonly pages: readonly Uint8Array[];
  /** Per winner, when asked for. */
  readonly highlights: readonly Readonly<Record<string, readonly string[]>>[] | null;
  readonly explanations: readonly string[] | null;
  /** Group of each winner, when grouping was asked for: an index into `groupValues`. */
  readonly groups: Uint32Array | null;
  readonly groupValues: readonly (string | number | boolean)[];
  readonly total: number | null;
  readonly facets: readonly { readonly path: string; readonly counts: readonly (readonly [string | number | boolean, number])[] }[];
  readonly explain: Readonly<Record<string, unknown>> | null;
}
