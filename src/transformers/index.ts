/**
 * `heddle/transformers`: a user's own transformers.js feature-extraction pipeline as a vectorizer.
 *
 * transformers.js stays the app's dependency: the pipeline is handed in, made as the app likes (model, precision, device).
 * Text over the model's window is refused, never silently cut: the pipeline's tokenizer counts first.
 *
 * ```ts
 * const extractor = await pipeline('feature-extraction', 'Xenova/bge-small-en-v1.5', { dtype: 'q8' })
 * const bge = transformers(extractor, { id: 'bge-small-en-v1.5-q8', dimensions: 384, queryPrefix: 'Represent this sentence: ' })
 * ```
 */
import { HeddleError } from '../core/errors.ts';
import type { Vectorizer } from '../client/vectorizer.ts';

/** The part of a transformers.js `FeatureExtractionPipeline` that is used. */
export interface FeatureExtractor {
  (
    texts: string[],
    options: { pooling: 'mean' | 'cls'; normalize: boolean },
  ): Promise<{ readonly data: ArrayLike<number>; readonly dims: readonly number[] }>;
  readonly tokenizer: {
    (text: string, options?: { truncation: boolean }): { readonly input_ids: { readonly dims: readonly number[] } };
    readonly model_max_length: number;
  };
}

export interface TransformersOptions {
  /** Names model, version and precision: vectors of two ids are never compared. */
  readonly id: string;
  readonly dimensions: number;
  /** Default `mean`. */
  readonly pooling?: 'mean' | 'cls';
  /** Default true: unit length, as cosine wants it. */
  readonly normalize?: boolean;
  /** Put before a query, for models that were trained so. */
  readonly queryPrefix?: string;
  /** Put before a document. */
  readonly documentPrefix?: string;
  /** Texts per call of the pipeline. Default 16. */
  readonly batchSize?: number;
  /** Tokens the model reads; default: what its tokenizer says. */
  readonly tokensMax?: number;
}

export function transformers(extractor: FeatureExtractor, options: TransformersOptions): Vectorizer {
  const { id, dimensions, pooling = 'mean', normalize = true, batchSize = 16, tokensMax = extractor.tokenizer.model_max_length } = options;
  if (!(batchSize >= 1)) throw new HeddleError('InvalidInput', `transformers: batchSize must be at least 1, got ${batchSize}`);
  return {
    id,
    dimensions,
    async embed(texts, { purpose, signal }) {
      const prefix = (purpose === 'query' ? options.queryPrefix : options.documentPrefix) ?? '';
      const prefixed = texts.map((text) => prefix + text);
      prefixed.forEach((text, index) => requireWindow(extractor, text, index, tokensMax));
      const vectors: Float32Array[] = [];
      for (let from = 0; from < prefixed.length; from += batchSize) {
        if (signal?.aborted) throw new HeddleError('Aborted', 'transformers: the call was aborted');
        const batch = prefixed.slice(from, from + batchSize);
        vectors.push(...rowsOf(await extractor(batch, { pooling, normalize }), batch.length, dimensions));
      }
      return vectors;
    },
  };
}

function requireWindow({ tokenizer }: FeatureExtractor, text: string, index: number, tokensMax: number): void {
  const { dims } = tokenizer(text, { truncation: false }).input_ids;
  const tokens = dims[dims.length - 1];
  if (tokens > tokensMax)
    throw new HeddleError('VectorizerFailed', `transformers: text ${index} has ${tokens} tokens, the model reads ${tokensMax}`, {
      details: { index, tokens, tokensMax },
      hint: 'cut the text into parts before storing it',
    });
}

function rowsOf({ data, dims }: { data: ArrayLike<number>; dims: readonly number[] }, count: number, dimensions: number): Float32Array[] {
  if (dims.length !== 2 || dims[0] !== count || dims[1] !== dimensions)
    throw new HeddleError('VectorizerFailed', `transformers: the model gave [${dims.join(' × ')}], expected [${count} × ${dimensions}]`, {
      hint: "set `dimensions` to the model's, and use a feature-extraction pipeline",
    });
  return Array.from({ length: count }, (_, row) => Float32Array.from({ length: dimensions }, (_value, d) => data[row * dimensions + d]));
}
