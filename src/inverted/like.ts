/** Weaviate's `Like` patterns: `?` is one character, `*` any number of them; everything else stands for itself. */

export interface LikePattern {
  /** What every match begins with. */
  readonly prefix: string;
  readonly matches: (term: string) => boolean;
}

export function likePattern(pattern: string): LikePattern {
  const wildcard = pattern.search(/[?*]/);
  const body = pattern
    .replace(/[.+^${}()|[\]\\/-]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${body}$`, 'su');
  return { prefix: wildcard < 0 ? pattern : pattern.slice(0, wildcard), matches: (term) => expression.test(term) };
}
