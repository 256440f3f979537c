/**
 * The names a vfs accepts: short, lower-case ASCII, so that every platform keeps them apart and none refuses them
 * (WebKit fails beyond 255 characters, some file systems fold case).
 */
import { utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import { murmur3 } from '../core/ids.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** Throws `InvalidInput` unless `name` can be the name of a file or directory in every vfs. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HeddleError('InvalidInput', `file name ${JSON.stringify(name)} is not allowed`, {
    hint: 'Use up to 100 lower-case letters, digits, dots, dashes or underscores, the first a letter or digit.',
    details: { name },
  });
}

/** Escaped names beyond this are cut and end in a 128-bit hash instead. */
const ESCAPED_CHARS_MAX = 60;

/** A name for any text (a database's name as the app gave it): itself where it is allowed, else an escaped form of it. */
export function nameOf(text: string): string {
  if (NAME.test(text) && !text.includes('_')) return text;
  const bytes = utf8(text);
  let out = 'x_';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    out += /[a-z0-9.-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
  }
  if (out.length <= ESCAPED_CHARS_MAX) return out;
  const hash = [1, 2, 3, 4].map((seed) => murmur3(bytes, seed).toString(16).padStart(8, '0'));
  return `y${out.slice(1, ESCAPED_CHARS_MAX)}_${hash.join('')}`;
}
