/** What passes between the page's `minilm()` and its worker. Plain data; vectors travel as one transferred buffer. */
import type { PlainError } from '../core/errors.ts';

export interface MinilmUrls {
  /** ONNX file of all-MiniLM-L6-v2, 8-bit. */
  readonly model: string;
  /** The tokenizer's `tokenizer.json`. */
  readonly tokenizer: string;
  /** The tokenizer's `tokenizer_config.json`. */
  readonly tokenizerConfig: string;
  /** `ort-wasm-simd-threaded.wasm` of the onnxruntime-web version this package was built with. */
  readonly wasm: string;
}

export type ToWorker =
  | { readonly kind: 'boot'; readonly urls: MinilmUrls; readonly threads: number }
  | { readonly kind: 'embed'; readonly id: number; readonly texts: readonly string[]; readonly urgent: boolean }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'progress'; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: PlainError }
  | { readonly kind: 'embedded'; readonly id: number; /** Row-major `[texts × DIMENSIONS]`. */ readonly vectors: Float32Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly id: number; readonly error: PlainError };

export const DIMENSIONS = 384;
