/** The user's notes: adding, listing and removing them. A note's passages and its line in the list are written one after the other; the list comes last, so what is listed is searchable. */
import { signal } from '@preact/signals';
import type { DemoDatabase } from '../database.ts';
import { follow } from '../follow.ts';
import { notePaused, noteVectors } from '../state.ts';
import { chunkText } from './chunk-text.ts';
import { type NoteText, pasted, readFile } from './read-note.ts';

export interface NoteFile {
  readonly uuid: string;
  readonly file: string;
  readonly title: string;
  readonly passages: number;
  readonly characters: number;
  readonly added: Date;
}

/** Newest first; null until read. */
export const noteFiles = signal<readonly NoteFile[] | null>(null);
export const adding = signal('');
export const problem = signal('');

const FILES_SHOWN_MAX = 500;
let demo: DemoDatabase | null = null;

export async function keepNotes(opened: DemoDatabase): Promise<void> {
  demo = opened;
  opened.files.onChange(() => void list(opened));
  await list(opened);
}

async function list({ files }: DemoDatabase): Promise<void> {
  const { objects } = await files.query.fetchObjects({ sort: [{ added: 'desc' }], limit: FILES_SHOWN_MAX });
  noteFiles.value = objects.map(({ uuid, properties }) => ({ uuid, ...properties }));
}

export async function addPasted(text: string): Promise<void> {
  await add(`paste-${crypto.randomUUID()}`, pasted(text));
}

/** Files that cannot be read are named in `problem`; the others are added. */
export async function addFiles(files: readonly File[]): Promise<void> {
  const problems: string[] = [];
  for (const file of files) {
    try {
      const texts = await readFile(file);
      for (const [i, text] of texts.entries()) await add(`file-${file.name}-${i}`, text);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  problem.value = problems.join(' · ');
}

async function add(file: string, { title, text }: NoteText): Promise<void> {
  const { db, passages, files } = opened();
  const parts = chunkText(text);
  if (parts.length === 0) throw new Error(`${title || 'the note'} has no text`);
  problem.value = '';
  adding.value = title;
  try {
    await passages.data.deleteMany({ file: { equal: file } });
    await passages.data.upsertMany(parts.map((body, part) => ({ place: `${file}/${part}`, file, title, body, part })));
    await files.data.upsert({ file, title, passages: parts.length, characters: text.length, added: new Date() });
  } finally {
    adding.value = '';
  }
  void follow(passages, noteVectors);
  void db.persist();
}

export async function removeNote({ uuid, file }: NoteFile): Promise<void> {
  const { passages, files } = opened();
  await files.data.deleteById(uuid);
  await passages.data.deleteMany({ file: { equal: file } });
}

/** Holds the reading of the notes, or lets it go on. */
export async function pauseVectorizing(paused: boolean): Promise<void> {
  const { passages } = opened();
  await (paused ? passages.vectorizing.pause() : passages.vectorizing.resume());
  notePaused.value = paused;
  void follow(passages, noteVectors);
}

function opened(): DemoDatabase {
  if (demo === null) throw new Error('the database is still opening: try again in a moment');
  return demo;
}
