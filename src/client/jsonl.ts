/**
 * Export and import as JSON Lines: one object a line, `{ uuid, properties, vectors? }`, UTF-8. What `export` wrote, `import` reads;
 * importing again writes over the same objects, so an import that was cut short is simply run again.
 */
import { utf8 } from '../core/bytes.ts';
import { HeddleError } from '../core/errors.ts';
import type { Data, ManyResult } from './data.ts';
import type { Handle } from './handle.ts';
import { iterate, type IteratorSettings } from './iterator.ts';
import type { CallSettings, Row } from './types.ts';

export interface ImportSettings extends CallSettings {
  /** `throw` (default): the first faulty line ends the import. `collect`: it goes on, faults are reported. */
  readonly onInvalid?: 'throw' | 'collect';
  readonly onProgress?: (written: number) => void;
}

export interface ImportResult {
  readonly written: number;
  /** `line` counts from 1. */
  readonly errors: readonly { readonly line: number; readonly error: HeddleError }[];
}

/** Lines written with one `upsertMany`, and text held while looking for a line's end. */
const CHUNK_LINES = 1_000;
const LINE_CHARS_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const ERRORS_MAX = 1_000;

export function exportJsonl<Out extends object, V extends string>(
  handle: Handle,
  settings: IteratorSettings<Out, V> = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const objects = iterate(handle, settings);
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      let text = '';
      while (text.length < CHUNK_BYTES) {
        const { value, done } = await objects.next();
        if (done === true) {
          if (text !== '') controller.enqueue(utf8(text));
          return controller.close();
        }
        text += `${JSON.stringify(lineOf(value))}\n`;
      }
      controller.enqueue(utf8(text));
    },
    async cancel() {
      await objects.return();
    },
  });
}

function lineOf({ uuid, properties, vectors }: { uuid: string; properties: object; vectors: object }): Record<string, unknown> {
  const entries = Object.entries(vectors as Record<string, Float32Array>);
  if (entries.length === 0) return { uuid, properties };
  return { uuid, properties, vectors: Object.fromEntries(entries.map(([name, values]) => [name, [...values]])) };
}

export async function importJsonl<In extends object, Out extends object, V extends string>(
  data: Data<In, Out, V>,
  source: ReadableStream<Uint8Array> | Blob | string,
  settings: ImportSettings = {},
): Promise<ImportResult> {
  const { onInvalid = 'throw', signal, timeoutMs, onProgress } = settings;
  const result = { written: 0, errors: [] as { line: number; error: HeddleError }[] };
  const fault = (line: number, error: HeddleError): void => {
    if (onInvalid === 'throw') throw error;
    if (result.errors.length < ERRORS_MAX) result.errors.push({ line, error });
  };
  let rows: Row<In, V>[] = [];
  let numbers: number[] = [];
  const write = async (): Promise<void> => {
    if (rows.length === 0) return;
    const many: ManyResult = await data.upsertMany(rows, { onInvalid, signal, timeoutMs });
    result.written += many.written;
    for (const { index, error } of many.errors) fault(numbers[index], error);
    rows = [];
    numbers = [];
    onProgress?.(result.written);
  };
  let line = 0;
  for await (const text of linesOf(source)) {
    line++;
    if (text.trim() === '') continue;
    const row = parseLine(text, line);
    if (row instanceof HeddleError) fault(line, row);
    else {
      rows.push(row as Row<In, V>);
      numbers.push(line);
    }
    if (rows.length >= CHUNK_LINES) await write();
  }
  await write();
  return result;
}

function parseLine(text: string, line: number): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    return new HeddleError('InvalidInput', `import: line ${line} is not JSON: ${(thrown as Error).message}`, {
      details: { line },
      cause: thrown,
    });
  }
}

async function* linesOf(source: ReadableStream<Uint8Array> | Blob | string): AsyncGenerator<string> {
  const stream = source instanceof ReadableStream ? source : new Blob([source]).stream();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = stream.getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += decodeChunk(decoder, value, !done);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_CHARS_MAX)
        throw new HeddleError('InvalidInput', `import: a line has more than ${LINE_CHARS_MAX} characters`, {
          hint: 'Is it JSON Lines, one object a line?',
        });
      yield* lines;
      if (done) break;
    }
    if (rest !== '') yield rest;
  } finally {
    await reader.cancel().catch(() => undefined); // the stream may have ended or failed already
  }
}

function decodeChunk(decoder: TextDecoder, value: Uint8Array | undefined, stream: boolean): string {
  try {
    return decoder.decode(value, { stream });
  } catch (thrown) {
    throw new HeddleError('InvalidInput', 'import: the text is not UTF-8', { cause: thrown });
  }
}
