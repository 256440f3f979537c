/**
 * The names a vfs accepts: short, lower-case ASCII, so that every platform keeps them apart and none refuses them
 * (WebKit fails beyond 255 characters, some file systems fold case).
 */
import { HeddleError } from '../core/errors.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/;

/** Throws `InvalidInput` unless `name` can be the name of a file or directory in every vfs. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HeddleError('InvalidInput', `file name ${JSON.stringify(name)} is not allowed`, {
    hint: 'Use up to 100 lower-case letters, digits, dots, dashes or underscores, the first a letter or digit.',
    details: { name },
  });
}

/** A name for any text (a database's name as the app gave it): itself where it is allowed, else an escaped form of it. */
export function nameOf(text: string): string {
  if (NAME.test(text) && !text.includes('_')) return text;
  let out = '';
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    out += /[a-z0-9.-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return `x${out}`;
}
