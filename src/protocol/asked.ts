/** What a call was and which options it was given, so that unknown ones are refused where it arrives. */
export interface Asked {
  /** Name of the client's method. */
  readonly operation: string;
  /** Names of its options. */
  readonly options: readonly string[];
}
