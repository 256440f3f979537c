/** What the text bench asks of an engine; every call runs inside the engine's own worker. */
export type Operator = 'or' | 'and' | 'prefix';

export interface TextSubject {
  /** Indexes all texts; the n-th gets number n. */
  index(texts: readonly string[]): Promise<void>;
  /** Finds the best ten; returns how many there were. */
  search(query: string, operator: Operator): number;
  /** Bytes of what it persists, index and texts; undefined when it cannot. */
  bytes?(): Promise<number>;
  close(): Promise<void>;
}
