/** Turns object pages and search replies into the objects a user gets. */
import { uuidText } from '../core/ids.ts';
import { readObjectPage } from '../protocol/object-page.ts';
import type { SearchReply } from '../protocol/search-reply.ts';
import type { CollectionSchema } from '../schema/collection-schema.ts';
import { decodeProperties } from '../schema/decode-object.ts';
import type { Group, ObjectMetadata, QueryResult, StoredObject } from './types.ts';

type AnyObject = StoredObject<Record<string, unknown>>;

/** The objects of some pages by UUID; none of them ranked. */
export function readObjects(schema: CollectionSchema, pages: readonly Uint8Array[]): Map<string, AnyObject> {
  const objects = new Map<string, AnyObject>();
  const vectorNames = new Map(schema.vectors.map(({ ordinal, name }) => [ordinal, name]));
  for (const page of pages) {
    for (const { record, vectors } of readObjectPage(page)) {
      const uuid = uuidText(record.uuid);
      const named: Record<string, Float32Array> = {};
      for (const { ordinal, values } of vectors) {
        const name = vectorNames.get(ordinal);
        if (name !== undefined) named[name] = values;
      }
      const metadata: ObjectMetadata = { score: 0, creationTime: new Date(record.createdMs), updateTime: new Date(record.updatedMs) };
      objects.set(uuid, { uuid, properties: decodeProperties(schema.properties, record.properties), metadata, vectors: named });
    }
  }
  return objects;
}

/** `certainty`: the vector asked for is compared by cosine. */
export function readSearchReply(schema: CollectionSchema, reply: SearchReply, certainty: boolean): QueryResult<Record<string, unknown>> {
  const stored = readObjects(schema, reply.pages);
  const objects: AnyObject[] = [];
  const groups: Group<Record<string, unknown>>[] = reply.groupValues.map((value) => ({ value, objects: [] }));
  for (let i = 0; i * 16 < reply.uuids.length; i++) {
    const object = stored.get(uuidText(reply.uuids, i * 16));
    if (object === undefined) continue;
    const ranked = { ...object, metadata: metadataOf(reply, i, object.metadata, certainty) };
    objects.push(ranked);
    if (reply.groups !== null) groups[reply.groups[i]].objects.push(ranked);
  }
  const facets = reply.facets.map(({ path, counts }) => ({ property: path, values: counts.map(([value, count]) => ({ value, count })) }));
  return {
    objects,
    ...(reply.total === null ? {} : { total: reply.total }),
    ...(facets.length === 0 ? {} : { facets }),
    ...(reply.groups === null ? {} : { groups }),
    ...(reply.explain === null ? {} : { explain: reply.explain }),
  };
}

function metadataOf(reply: SearchReply, i: number, times: ObjectMetadata, certainty: boolean): ObjectMetadata {
  const metadata: { -readonly [K in keyof ObjectMetadata]: ObjectMetadata[K] } = { ...times, score: reply.scores[i] };
  const distance = reply.distances?.[i];
  if (distance !== undefined && !Number.isNaN(distance)) {
    metadata.distance = distance;
    if (certainty) metadata.certainty = 1 - distance / 2;
  }
  if (reply.explanations !== null) metadata.explainScore = reply.explanations[i];
  if (reply.highlights !== null) metadata.highlights = reply.highlights[i];
  return metadata;
}
