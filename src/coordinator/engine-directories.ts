/**
 * Where the engines of a database keep their files, and how many there are: fixed when the database is made, because each engine's log
 * and segments lie in its own directory; counted from the directories afterwards.
 */
import type { Vfs } from '../vfs/vfs.ts';

const PREFIX = 'engine-';
/** Engines of one database: each holds up to 16 open files, and browsers have few to give. */
export const ENGINES_MAX = 4;

export const engineDirectory = (index: number): string => `${PREFIX}${index}`;

/** The number a database has, or `wanted` for a new one. */
export async function engineCountOf(vfs: Vfs, wanted: number): Promise<number> {
  const indexes = (await vfs.directories()).filter((name) => name.startsWith(PREFIX)).map((name) => Number(name.slice(PREFIX.length)));
  return indexes.length > 0 ? Math.max(...indexes) + 1 : Math.min(ENGINES_MAX, Math.max(1, wanted));
}

/** One core is left to the page. */
export const defaultEngines = (cores: number): number => Math.min(ENGINES_MAX, Math.max(1, cores - 1));
