/**
 * Where in the engine a flush comes from, so that each can be left out by itself without a line in the product about it:
 * the functions on the stack, nearest first, up to the one that says what is being done.
 */
const FRAME = /^\s*at (?:async )?(?:new )?([\w.$<>[\] ]+?) \(/;
const NEAREST = 4;

/** Names of the engine's functions on the stack, the file system's own and the harness's left out. */
export function callSite(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  const names: string[] = [];
  for (const line of lines) {
    const name = FRAME.exec(line)?.[1];
    if (name === undefined || /^(?:callSite|Object\.|SimulatedFile\.|SimulatedDevice\.)/.test(name)) continue;
    names.push(name.replace(/^_*/, '').replace(/\$\d+$/, ''));
    if (names.length === NEAREST) break;
  }
  return names.join(' < ');
}
