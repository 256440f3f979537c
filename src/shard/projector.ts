/**
 * Cuts an object record down to the properties that were asked for. The array keeps its ordinals: what was not asked for
 * becomes null.
 */
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { decodeObject, encodeObject } from '../protocol/object-record.ts';

export class Projector {
  private readonly wanted: ReadonlySet<number> | null;

  /** `ordinals`: null for all. */
  constructor(ordinals: readonly number[] | null) {
    this.wanted = ordinals && new Set(ordinals);
  }

  /** The record itself (borrowed) when everything is wanted, else a new one. */
  project(bytes: Uint8Array): Uint8Array {
    const { wanted } = this;
    if (!wanted) return bytes;
    const record = decodeObject(bytes);
    const values = (JSON.parse(fromUtf8(record.properties)) as unknown[]).map((value, ordinal) => (wanted.has(ordinal) ? value : null));
    return encodeObject({ ...record, properties: utf8(JSON.stringify(values)) });
  }
}
