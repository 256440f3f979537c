/** Model entries as the bytes a client sends, and numbers as UUIDs. */
import { ByteWriter, utf8 } from '../../../src/core/bytes.ts';
import { murmur3 } from '../../../src/core/ids.ts';
import { WriteKind, writeEntry } from '../../../src/protocol/write-batch.ts';
import type { ModelEntry } from './model.ts';
import { VECTOR_ORDINAL } from './subject.ts';

/** A UUID whose last four bytes are `id`, its first ones scattered. */
export function uuidOf(id: number): Uint8Array {
  const uuid = new Uint8Array(16);
  const view = new DataView(uuid.buffer);
  view.setUint32(12, id);
  view.setUint32(0, murmur3(uuid));
  uuid[6] = 0x70;
  uuid[8] = 0x80;
  return uuid;
}

export const idOf = (uuid: Uint8Array): number => new DataView(uuid.buffer, uuid.byteOffset).getUint32(12);

/** `docIDs`: for attach, the versions the vectors were made for. */
export function encodeEntries(entries: readonly ModelEntry[], docIDs: readonly number[] = []): Uint8Array {
  const writer = new ByteWriter();
  entries.forEach((entry, index) => {
    const isUpdate = entry.kind === WriteKind.update;
    const bare = entry.kind === WriteKind.delete || entry.kind === WriteKind.attach;
    writeEntry(writer, {
      kind: entry.kind,
      uuid: uuidOf(entry.id),
      properties: bare ? new Uint8Array(0) : utf8(JSON.stringify(isUpdate ? entry.patch : entry.values)),
      vectors: entry.vector === null ? [] : [{ ordinal: VECTOR_ORDINAL, values: Float32Array.from(entry.vector) }],
      expectedDocID: docIDs[index] ?? 0,
    });
  });
  return writer.finish().slice();
}
