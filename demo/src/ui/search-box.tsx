/** The question, and how to take it. `/` brings the cursor here from anywhere. */
import { useEffect, useRef } from 'preact/hooks';
import { type Mode, mode, query, tab } from '../state.ts';
import { Cross, Glass } from './icons.tsx';

const MODES: readonly { readonly id: Mode; readonly label: string; readonly hint: string }[] = [
  { id: 'meaning', label: 'Meaning', hint: 'what it means, in any words' },
  { id: 'words', label: 'Words', hint: 'these very words, typos forgiven' },
  { id: 'both', label: 'Both', hint: 'one ranking out of the two' },
];
const QUERY_CHARS_MAX = 400;

export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const toField = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener('keydown', toField);
    return () => removeEventListener('keydown', toField);
  }, []);

  const dictionary = tab.value === 'dictionary';
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="visually-hidden" for="query">
        {dictionary ? 'Describe the word you are looking for' : 'Search your notes'}
      </label>
      <div class="field">
        <Glass />
        <input
          ref={field}
          id="query"
          type="search"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={QUERY_CHARS_MAX}
          enterkeyhint="search"
          placeholder={dictionary ? 'someone who pretends to be ill…' : 'what you remember of it…'}
          value={query.value}
          onInput={(event) => (query.value = event.currentTarget.value)}
        />
        {query.value !== '' && (
          <button
            type="button"
            class="clear"
            aria-label="Clear"
            onClick={() => {
              query.value = '';
              field.current?.focus();
            }}
          >
            <Cross />
          </button>
        )}
      </div>
      <fieldset class="modes">
        <legend class="visually-hidden">Search by</legend>
        {MODES.map(({ id, label, hint }) => (
          <label key={id} title={hint} class={mode.value === id ? 'on' : ''}>
            <input type="radio" name="mode" value={id} checked={mode.value === id} onChange={() => (mode.value = id)} />
            {label}
          </label>
        ))}
      </fieldset>
    </form>
  );
}
