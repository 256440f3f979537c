/**
 * What a user drops or pastes, as titled texts: `.txt` and `.md` whole, `.json` as one text per entry of an array (or the
 * one object). Anything else is refused by name.
 */

export interface NoteText {
  readonly title: string;
  readonly text: string;
}

/** Larger files are refused: a page of a browser is no place to cut a gigabyte. */
export const FILE_BYTES_MAX = 20 * 1024 * 1024;
const TITLE_CHARS_MAX = 80;

export async function readFile(file: File): Promise<NoteText[]> {
  if (file.size > FILE_BYTES_MAX)
    throw new Error(`${file.name} has ${Math.round(file.size / 1e6)} MB; at most ${FILE_BYTES_MAX / 1024 / 1024} MB can be added`);
  if (/\.(txt|md|markdown|text)$/i.test(file.name)) return [pasted(await file.text(), file.name.replace(/\.\w+$/, ''))];
  if (/\.json$/i.test(file.name)) return readJson(await file.text(), file.name);
  throw new Error(`${file.name} is not a .txt, .md or .json file`);
}

/** A text with its own heading or first line as title; `fallback` where it has none. */
export function pasted(text: string, fallback?: string): NoteText {
  const heading = /^#{1,6}\s+(.+)$/m.exec(text.slice(0, 400))?.[1];
  const first = text.trim().split('\n', 1)[0];
  return { title: shorten(heading ?? fallback ?? first), text };
}

export function readJson(source: string, name: string): NoteText[] {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new Error(`${name} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  const entries = Array.isArray(value) ? (value as unknown[]) : [value];
  return entries.map((entry, i) => {
    const text = textOf(entry);
    const title = isRecord(entry) ? (entry.title ?? entry.name ?? entry.subject) : undefined;
    return {
      title: shorten(typeof title === 'string' && title.trim() !== '' ? title : entries.length > 1 ? `${name} · ${i + 1}` : name),
      text,
    };
  });
}

/** Every text and number inside, a line each, with its name where it has one. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value))
    return value
      .map(textOf)
      .filter((text) => text !== '')
      .join('\n');
  if (isRecord(value))
    return Object.entries(value)
      .map(([key, inner]) => [key, textOf(inner)])
      .filter(([, text]) => text !== '')
      .map(([key, text]) => `${key}: ${text}`)
      .join('\n');
  return '';
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const shorten = (title: string): string => {
  const line = title.trim().replaceAll(/\s+/g, ' ');
  return line.length <= TITLE_CHARS_MAX ? line : `${line.slice(0, TITLE_CHARS_MAX - 1)}…`;
};
