/** Names that a full run gives. */
export const figures: readonly string[] = ['filters.range-1m-ms', 'filters.equal-1m-ms'];
