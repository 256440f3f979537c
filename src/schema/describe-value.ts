/** Values as they appear in error messages (short, quoted) and in error details (plain data that crosses a worker boundary). */

const SHOWN_CHARS_MAX = 80;

const shorten = (text: string): string => (text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text);

/** A short text for a message: `"MMXX"`, `12.5`, `an array of 3`, `Infinity`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return shorten(JSON.stringify(value));
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : `the date ${value.toISOString()}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  return `an object with ${shorten(Object.keys(value).join(', ') || 'no properties')}`;
}

/** The value itself where it is a scalar, else its description; long text is cut. */
export function plainValue(value: unknown): string | number | boolean | null {
  if (typeof value === 'string') return value.length > 1_000 ? `${value.slice(0, 1_000)}…` : value;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  return describeValue(value);
}
