/** Reads stored properties back into the object a user gets: names instead of ordinals, dates as `Date`, absent ones left out. */
import { fromUtf8 } from '../core/bytes.ts';
import type { PropertySchema } from './collection-schema.ts';
import type { Stored } from './validate-value.ts';

/** `bytes`: UTF-8 JSON array by ordinal. Ordinals the schema no longer has are passed over. */
export function decodeProperties(properties: readonly PropertySchema[], bytes: Uint8Array): Record<string, unknown> {
  const values = JSON.parse(fromUtf8(bytes)) as Stored[];
  const decoded: Record<string, unknown> = {};
  for (const property of properties) {
    const value = values[property.ordinal];
    if (value !== undefined && value !== null) decoded[property.name] = decodeValue(property, value);
  }
  return decoded;
}

function decodeValue(property: PropertySchema, value: Stored): unknown {
  switch (property.type) {
    case 'date':
      return new Date(value as string);
    case 'date[]':
      return (value as string[]).map((text) => new Date(text));
    case 'object':
      return decodeNested(property.nested, value as Record<string, Stored>);
    case 'object[]':
      return (value as Record<string, Stored>[]).map((item) => decodeNested(property.nested, item));
    default:
      return value;
  }
}

function decodeNested(properties: readonly PropertySchema[], value: Record<string, Stored>): Record<string, unknown> {
  const decoded: Record<string, unknown> = {};
  for (const property of properties) {
    const inner = value[property.name];
    if (inner !== undefined && inner !== null) decoded[property.name] = decodeValue(property, inner);
  }
  return decoded;
}
