/**
 * Filters as plain, serialisable data.
 *
 * Users write the short form (`FilterInput`): `{ tags: { containsAny: ['home'] }, stars: { greaterThan: 3 } }`, several
 * properties meaning AND, with `and`, `or`, `not` for trees. The engine works on `FilterNode`, which the client makes from
 * it with `parseFilter` after checking every path, operator and value against the schema.
 */

export type FilterOperator =
  | 'equal'
  | 'notEqual'
  | 'greaterThan'
  | 'greaterOrEqual'
  | 'lessThan'
  | 'lessOrEqual'
  | 'like'
  | 'isNull'
  | 'containsAny'
  | 'containsAll'
  | 'containsNone'
  | 'withinGeoRange';

export interface GeoRange {
  readonly latitude: number;
  readonly longitude: number;
  /** Metres. */
  readonly distance: number;
}

export type FilterScalar = string | number | boolean | Date;
export type FilterValue = FilterScalar | readonly FilterScalar[] | GeoRange;

/**
 * What a condition looks at. In the short form: a property path (`author.name`), `len(path)`, `_id`, `_creationTime`,
 * `_updateTime`.
 */
export type FilterTarget =
  | { readonly kind: 'property'; readonly path: string }
  | { readonly kind: 'length'; readonly path: string }
  | { readonly kind: 'id' }
  | { readonly kind: 'creationTime' }
  | { readonly kind: 'updateTime' };

/** Dates are epoch milliseconds, UUIDs lower-case text, everything else as the property's type has it. */
export type FilterNodeValue = string | number | boolean | readonly (string | number | boolean)[] | GeoRange;

export type FilterNode =
  | { readonly op: 'and' | 'or'; readonly nodes: readonly FilterNode[] }
  | { readonly op: 'not'; readonly node: FilterNode }
  | { readonly op: FilterOperator; readonly target: FilterTarget; readonly value: FilterNodeValue };

export type FilterConditions = { readonly [K in FilterOperator]?: FilterValue };
export type FilterInput =
  | { readonly and: readonly FilterInput[] }
  | { readonly or: readonly FilterInput[] }
  | { readonly not: FilterInput }
  | { readonly [path: string]: FilterConditions | FilterScalar };
