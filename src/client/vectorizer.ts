/**
 * What makes vectors out of text: brought by the app, called on the page that asks for it, never in a worker of Heddle's
 * (a function cannot cross a worker boundary). `heddle/minilm` and `heddle/transformers` provide two.
 *
 * The schema keeps `id` and `dimensions`; a collection refuses a vectorizer with another id, because vectors of two models
 * cannot be compared.
 */
export interface EmbedOptions {
  /** Some models embed questions otherwise than texts. */
  readonly purpose: 'document' | 'query';
  readonly signal?: AbortSignal;
}

export interface Vectorizer {
  /** Names model, version and precision, for example `all-MiniLM-L6-v2-q8`. */
  readonly id: string;
  readonly dimensions: number;
  /** One vector of `dimensions` finite numbers for each text, in order. Rejections reach the caller as `VectorizerFailed`. */
  embed(texts: readonly string[], options: EmbedOptions): Promise<readonly Float32Array[]>;
}
