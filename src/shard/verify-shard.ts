/**
 * Checks that objects, live set and vectors of a shard agree. Reads every key and every record.
 */
import { equalBytes } from '../core/bytes.ts';
import { DocSet } from '../core/doc-set.ts';
import { uuidText } from '../core/ids.ts';
import { uuidOfRecord } from '../protocol/object-record.ts';
import { readDocID } from './object-store.ts';
import type { Shard } from './shard.ts';

/** Findings about objects and indexes that disagree; empty when all is well. */
export function verifyShard(shard: Shard): string[] {
  const findings: string[] = [];
  const say = (what: string): void => void findings.push(`shard ${shard.id}: ${what}`);
  const seen = new DocSet(shard.objects.nextDocID);
  const cursor = shard.objects.scan(null);
  for (let entry = cursor.next(); entry; entry = cursor.next()) {
    if (!entry.value) continue;
    const docID = readDocID(entry.value);
    const uuid = entry.key.slice(2);
    if (!shard.isLive(docID)) say(`object ${uuidText(uuid)} points to docID ${docID}, which is not live`);
    else if (!equalBytes(uuidOfRecord(shard.objects.record(docID)), uuid))
      say(`docID ${docID} holds another object than ${uuidText(uuid)}`);
    seen.add(docID);
  }
  cursor.close();
  for (const docID of shard.objects.live.clone().andNot(seen)) say(`docID ${docID} is live but no object points to it`);
  for (const field of shard.fields.values()) {
    const held = field.index?.docIDs() ?? field.present;
    for (const docID of held.clone().andNot(field.present)) say(`vector "${field.schema.name}" answers docID ${docID}, which has no row`);
    for (const docID of field.present.clone().andNot(held)) say(`vector "${field.schema.name}" lacks docID ${docID}`);
  }
  return findings;
}
