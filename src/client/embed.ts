/**
 * Turns text into vectors with the app's vectorizer: what is embedded of an object, and what is checked of the answer.
 */
import { HeddleError } from '../core/errors.ts';
import type { CollectionSchema, VectorSchema } from '../schema/collection-schema.ts';
import type { Connection } from './connection.ts';

/** The registered vectorizer of a vector. `VectorizerFailed` when there is none of that id. */
export function vectorizerOf(
  connection: Connection,
  schema: CollectionSchema,
  vector: VectorSchema,
): NonNullable<ReturnType<Connection['vectorizers']['get']>> {
  const { vectorizer } = vector;
  if (vectorizer === null)
    throw new HeddleError('InvalidInput', `vector "${vector.name}" of collection "${schema.name}" has no vectorizer`, {
      hint: 'Pass vectors yourself, or declare one: vectors: { default: { vectorizer } }.',
      details: { collection: schema.name, vector: vector.name },
    });
  const found = connection.vectorizers.get(vectorizer.id);
  if (found !== undefined) return found;
  throw new HeddleError('VectorizerFailed', `no vectorizer "${vectorizer.id}" is registered in this tab`, {
    hint: 'Pass it to connect({ vectorizers: [...] }) or to collections.ensure; with another model use config.reembed.',
    details: { collection: schema.name, vector: vector.name, vectorizer: vectorizer.id },
  });
}

/** What of an object is embedded: its text properties in the order of `from`, one a line; arrays joined by commas. */
export function textOf(vector: VectorSchema, properties: Readonly<Record<string, unknown>>): string {
  const parts: string[] = [];
  for (const name of vector.from) {
    const value = properties[name];
    if (typeof value === 'string' && value !== '') parts.push(value);
    else if (Array.isArray(value) && value.length > 0) parts.push(value.join(', '));
  }
  return parts.join('\n');
}

export async function embed(
  connection: Connection,
  schema: CollectionSchema,
  vector: VectorSchema,
  texts: readonly string[],
  purpose: 'document' | 'query',
  signal: AbortSignal | undefined,
): Promise<readonly Float32Array[]> {
  const vectorizer = vectorizerOf(connection, schema, vector);
  let vectors: readonly Float32Array[];
  try {
    vectors = await vectorizer.embed(texts, { purpose, signal });
  } catch (thrown) {
    if (signal?.aborted === true) throw new HeddleError('Aborted', 'embedding was aborted', { cause: signal.reason });
    throw failed(vectorizer.id, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
  if (vectors.length !== texts.length) throw failed(vectorizer.id, `${vectors.length} vectors came back for ${texts.length} texts`);
  for (const one of vectors) {
    if (one.length !== vectorizer.dimensions)
      throw failed(vectorizer.id, `a vector of ${one.length} dimensions came back, ${vectorizer.dimensions} were promised`);
    if (!one.every(Number.isFinite)) throw failed(vectorizer.id, 'a vector with NaN or Infinity came back');
  }
  return vectors;
}

function failed(id: string, problem: string, cause?: unknown): HeddleError {
  return new HeddleError('VectorizerFailed', `vectorizer "${id}": ${problem}`, {
    hint: 'Nothing of this batch was written.',
    details: { vectorizer: id },
    cause,
  });
}
