/**
 * Which names a collection, property or vector may have, and the error for what is wrong in a schema.
 * Weaviate's rules, but nothing is capitalised for the user; `and`, `or`, `not` and a leading `_` are the filter language's.
 */
import { HeddleError } from '../core/errors.ts';
import { describeValue, plainValue } from './describe-value.ts';

const COLLECTION_NAME = /^[A-Za-z][A-Za-z0-9_]{0,254}$/;
const PROPERTY_NAME = /^[A-Za-z][A-Za-z0-9_]{0,230}$/;
const RESERVED: ReadonlySet<string> = new Set(['and', 'or', 'not', 'id', 'constructor', 'prototype']);

export function invalidSchema(collection: string, setting: string, value: unknown, problem: string, hint = ''): HeddleError {
  return new HeddleError('InvalidInput', `collection "${collection}": ${setting} ${problem}, got ${describeValue(value)}`, {
    hint,
    details: { collection, property: setting, value: plainValue(value) },
  });
}

export function checkCollectionName(name: unknown): asserts name is string {
  if (typeof name === 'string' && COLLECTION_NAME.test(name)) return;
  throw new HeddleError('InvalidInput', `collection name ${describeValue(name)} is not allowed`, {
    hint: 'Begin with a letter, then letters, digits and underscores, at most 255.',
    details: { collection: plainValue(name), property: 'name', value: plainValue(name) },
  });
}

/** `kind` is `property` or `vector`. */
export function checkMemberName(collection: string, kind: 'property' | 'vector', name: string): void {
  if (PROPERTY_NAME.test(name) && !RESERVED.has(name)) return;
  const why = RESERVED.has(name) ? 'is reserved' : 'is not allowed';
  throw new HeddleError('InvalidInput', `collection "${collection}": ${kind} name ${describeValue(name)} ${why}`, {
    hint: 'Begin with a letter, then letters, digits and underscores, at most 231.',
    details: { collection, property: name, value: name },
  });
}
