/**
 * The demo's database: two collections for the dictionary and the notes, one for the files the notes came from.
 */
import { type Collection, type ConnectOptions, type Database, type Vectorizer, connect } from 'heddle';

/** Not searched by words, only filtered and counted. */
const LABEL = { type: 'text', tokenization: 'field', indexSearchable: false } as const;

export const wordConfig = (vectorizer: Vectorizer) =>
  ({
    properties: {
      /** The synset's row in the payload, as text: the natural key, and what the vectorizer finds the shipped vector by. */
      sense: { ...LABEL, indexFilterable: false },
      words: 'text[]',
      gloss: 'text',
      examples: 'text[]',
      pos: LABEL,
      domain: LABEL,
      uses: 'int',
    },
    key: 'sense',
    vectors: { default: { vectorizer, from: ['sense'], when: 'background' } },
  }) as const;

export const passageConfig = (vectorizer: Vectorizer) =>
  ({
    properties: {
      /** `file/part`: adding the same file again replaces its passages. */
      place: { ...LABEL, indexFilterable: false },
      file: LABEL,
      title: 'text',
      body: 'text',
      part: 'int',
    },
    key: 'place',
    vectors: { default: { vectorizer, from: ['title', 'body'], when: 'background' } },
  }) as const;

export const FILE_CONFIG = {
  properties: { file: LABEL, title: { ...LABEL, indexFilterable: false }, passages: 'int', characters: 'int', added: 'date' },
  key: 'file',
} as const;

export type Words = Collection<ReturnType<typeof wordConfig>>;
export type Passages = Collection<ReturnType<typeof passageConfig>>;
export type Files = Collection<typeof FILE_CONFIG>;

export interface DemoDatabase {
  readonly db: Database;
  readonly words: Words;
  readonly passages: Passages;
  readonly files: Files;
}

/** @param model embeds notes and their queries; `dictionary` the dictionary's queries */
export async function openDatabase(dictionary: Vectorizer, model: Vectorizer, options: ConnectOptions): Promise<DemoDatabase> {
  const db = await connect('heddle-demo', options);
  const [words, passages, files] = await Promise.all([
    db.collections.ensure('Word', wordConfig(dictionary)),
    db.collections.ensure('Passage', passageConfig(model)),
    db.collections.ensure('NoteFile', FILE_CONFIG),
  ]);
  return { db, words, passages, files };
}
