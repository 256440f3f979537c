/**
 * Cuts a tokenized text into windows that the model can read whole.
 *
 * all-MiniLM-L6-v2 was made for at most 256 tokens, the two frame tokens included; what lies beyond would be dropped. A
 * longer text becomes several windows, each overlapping the one before, so that a sentence cut in two is whole in one of them.
 *
 * Invariants: every token is in at least one window; no window has more than `TOKENS_MAX` tokens; windows are in text order.
 */

/** Tokens of one window, `[CLS]` and `[SEP]` included (sentence-transformers: `max_seq_length`). */
export const TOKENS_MAX = 256;
/** Tokens that a window repeats from the one before. */
export const OVERLAP_TOKENS = 32;

/** Token ids with their frame → the framed windows; a short text is its own single window. */
export function cutWindows(ids: readonly number[]): number[][] {
  if (ids.length <= TOKENS_MAX) return [ids.slice()];
  const first = ids[0];
  const last = ids[ids.length - 1];
  const inner = ids.slice(1, -1);
  const width = TOKENS_MAX - 2;
  const windows: number[][] = [];
  for (let from = 0; ; from += width - OVERLAP_TOKENS) {
    windows.push([first, ...inner.slice(from, from + width), last]);
    if (from + width >= inner.length) return windows;
  }
}
