/**
 * Checks that objects, live set and vectors of a shard agree. Reads every key and every record.
 */
import { equalBytes } from '../core/bytes.ts';
import { DocSet } from '../core/doc-set.ts';
import { uuidText } from '../core/ids.ts';
import { uuidOfRecord } from '../protocol/object-record.ts';
import { readDocID } from './object-store.ts';
import { readable } from './readable.ts';
import type { Shard } from './shard.ts';

/** The docIDs that keys point to. */
function verifyObjects(shard: Shard, say: (what: string) => void): DocSet {
  const seen = new DocSet(shard.objects.nextDocID);
  let damaged = 0;
  const cursor = shard.objects.scan();
  try {
    for (let entry = cursor.next(); entry; entry = cursor.next()) {
      if (!entry.value) continue;
      const docID = readDocID(entry.value);
      const uuid = entry.key.slice(2);
      seen.add(docID);
      if (!shard.isLive(docID)) {
        say(`object ${uuidText(uuid)} points to docID ${docID}, which is not live`);
        continue;
      }
      const stored = readable(() => uuidOfRecord(shard.objects.record(docID)));
      if (stored === null) damaged++;
      else if (!equalBytes(stored, uuid)) say(`docID ${docID} holds another object than ${uuidText(uuid)}`);
    }
  } finally {
    cursor.close();
  }
  if (damaged > 0) say(`${damaged} objects are damaged`);
  return seen;
}

/** Findings about objects and indexes that disagree; empty when all is well. */
export function verifyShard(shard: Shard): string[] {
  const findings: string[] = [];
  const say = (what: string): void => void findings.push(`shard ${shard.id}: ${what}`);
  const seen = readable(() => verifyObjects(shard, say));
  if (seen === null) say('its keys are damaged');
  else for (const docID of shard.objects.live.clone().andNot(seen)) say(`docID ${docID} is live but no object points to it`);
  for (const field of shard.fields.values()) {
    field.openAhead();
    const held = field.openedIndex?.docIDs() ?? field.present;
    for (const docID of held.clone().andNot(field.present)) say(`vector "${field.schema.name}" answers docID ${docID}, which has no row`);
    for (const docID of field.present.clone().andNot(held)) say(`vector "${field.schema.name}" lacks docID ${docID}`);
  }
  return findings;
}
