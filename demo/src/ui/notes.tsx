/** The notes' tab: what was found or all notes, and the box that takes new ones. */
import { useState } from 'preact/hooks';
import { passageAnswer } from '../answers.ts';
import { markWords, sharedWords, stemsOf } from '../match.ts';
import { type NoteFile, addFiles, addPasted, adding, noteFiles, pauseVectorizing, problem, removeNote } from '../notes/notes.ts';
import type { PassageHit } from '../search.ts';
import { mode, notePaused, noteVectors } from '../state.ts';
import { insteadOfMeaning, took } from './dictionary.tsx';
import { Cross, Page } from './icons.tsx';
import { Marked } from './marked.tsx';
import { Nearness } from './nearness.tsx';
import { Bar } from './progress.tsx';

export function Notes() {
  return (
    <div class={`columns notes ${passageAnswer.value === null ? '' : 'asked'}`}>
      <div class="results">
        <PassageResults />
        {passageAnswer.value === null && <NoteList />}
      </div>
      <AddNote />
    </div>
  );
}

function PassageResults() {
  const answer = passageAnswer.value;
  if (answer === null) return null;
  const stems = stemsOf(answer.query);
  return (
    <section aria-label="Results">
      <p class="summary" role="status">
        {answer.hits.length === 0 ? 'Nothing in your notes' : `${answer.hits.length} passages, ${took(answer.tookMs)}`}
        {answer.mode !== mode.value && <span class="hint"> · {insteadOfMeaning()}</span>}
      </p>
      <ol data-results data-query={answer.query} data-mode={answer.mode}>
        {answer.hits.map((hit) => (
          <PassageResult key={hit.uuid} hit={hit} stems={stems} />
        ))}
      </ol>
    </section>
  );
}

function PassageResult({ hit, stems }: { hit: PassageHit; stems: ReadonlySet<string> }) {
  const shared = sharedWords([hit.title, hit.body], stems);
  return (
    <li class="entry passage" data-title={hit.title} data-uuid={hit.uuid}>
      <div class="head">
        <h3>
          <Marked text={hit.title} stems={stems} />
        </h3>
        <Nearness hit={hit} mode={passageAnswer.value!.mode} />
      </div>
      <p class="gloss">
        <Marked text={aroundMatch(readable(hit), stems)} stems={stems} />
      </p>
      <p class="foot">
        <span>passage {hit.part + 1}</span>
        <span>{shared.length > 0 ? `has ${shared.slice(0, 4).join(', ')}` : 'near in meaning, in other words'}</span>
      </p>
    </li>
  );
}

/** Without the heading that is the title already, and without blank lines. */
const readable = ({ title, body }: PassageHit): string =>
  body
    .replace(`# ${title}`, '')
    .replaceAll(/\n\s*\n/g, '\n')
    .replace(/^#*\s+/, '');

const SNIPPET_CHARS_MAX = 420;

/** The part of a passage around its first match, cut at words. */
function aroundMatch(body: string, stems: ReadonlySet<string>): string {
  if (body.length <= SNIPPET_CHARS_MAX) return body;
  const pieces = markWords(body, stems);
  const before = pieces.findIndex((piece) => piece.marked);
  const at = before < 0 ? 0 : pieces.slice(0, before).reduce((length, piece) => length + piece.text.length, 0);
  const from = Math.max(0, Math.min(at - 120, body.length - SNIPPET_CHARS_MAX));
  const start = from === 0 ? 0 : body.indexOf(' ', from) + 1;
  const end = body.lastIndexOf(' ', start + SNIPPET_CHARS_MAX);
  const cut = start + SNIPPET_CHARS_MAX >= body.length ? body.length : end;
  return `${start > 0 ? '… ' : ''}${body.slice(start, cut)}${cut < body.length ? ' …' : ''}`;
}

const number = new Intl.NumberFormat('en');
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long' });

function NoteList() {
  const files = noteFiles.value;
  if (files === null) return null;
  if (files.length === 0)
    return (
      <div class="empty">
        <Page />
        <h2>No notes yet</h2>
        <p>
          Paste a text or drop files here. They are cut into passages, searchable by their words at once and by meaning as this device reads
          them. They never leave it.
        </p>
      </div>
    );
  return (
    <ul class="files" aria-label="Your notes">
      {files.map((file) => (
        <FileRow key={file.uuid} file={file} />
      ))}
    </ul>
  );
}

function FileRow({ file }: { file: NoteFile }) {
  return (
    <li data-note={file.title}>
      <Page />
      <div>
        <b>{file.title}</b>
        <span>
          {number.format(file.characters)} characters in {file.passages} {file.passages === 1 ? 'passage' : 'passages'},{' '}
          {day.format(file.added)}
        </span>
      </div>
      <button type="button" class="clear" aria-label={`Remove ${file.title}`} onClick={() => void removeNote(file)}>
        <Cross />
      </button>
    </li>
  );
}

function AddNote() {
  const [draft, setDraft] = useState('');
  const [over, setOver] = useState(false);
  const save = async () => {
    await addPasted(draft);
    setDraft('');
  };
  return (
    <aside
      class={`add ${over ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void addFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <h2>Add a note</h2>
      <label class="visually-hidden" for="draft">
        Text of the note
      </label>
      <textarea
        id="draft"
        rows={7}
        placeholder="Paste or write here…"
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      <div class="actions">
        <button type="button" class="primary" disabled={draft.trim() === '' || adding.value !== ''} onClick={() => void save()}>
          {adding.value === '' ? 'Keep it' : 'Keeping…'}
        </button>
        <label class="file-button">
          Choose files
          <input
            type="file"
            multiple
            accept=".txt,.md,.markdown,.json,text/plain,text/markdown,application/json"
            onChange={(event) => {
              void addFiles([...(event.currentTarget.files ?? [])]);
              event.currentTarget.value = '';
            }}
          />
        </label>
      </div>
      <p class="hint">or drop .txt, .md and .json files anywhere in this box</p>
      {problem.value !== '' && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <Reading />
    </aside>
  );
}

/** How far the device has read the notes. */
function Reading() {
  const stage = noteVectors.value;
  if (stage.state !== 'running') return null;
  return (
    <div class="reading" data-reading>
      <p>
        <span>
          {notePaused.value ? 'Paused' : 'Reading'}: {number.format(stage.done)} of {number.format(stage.total)} passages
        </span>
        <button type="button" class="plain" onClick={() => void pauseVectorizing(!notePaused.value)}>
          {notePaused.value ? 'Go on' : 'Pause'}
        </button>
      </p>
      <Bar label="Passages read" stage={stage} />
    </div>
  );
}
