/** One entry of the dictionary: the word, what it means, why it is here and how near it is. */
import { sharedWords } from '../match.ts';
import type { WordHit } from '../search.ts';
import type { Mode } from '../state.ts';
import { Marked } from './marked.tsx';
import { DOMAIN_NAMES, POS_NAMES } from './names.ts';
import { Nearness } from './nearness.tsx';

interface Props {
  readonly hit: WordHit;
  readonly mode: Mode;
  readonly stems: ReadonlySet<string>;
  readonly onNear: (hit: WordHit) => void;
}

export function WordResult({ hit, mode, stems, onNear }: Props) {
  const [word, ...others] = leadingWord(hit.words, stems);
  const domain = DOMAIN_NAMES[hit.domain];
  return (
    <li class="entry" data-word={hit.words.join('|')} data-uuid={hit.uuid}>
      <div class="head">
        <h3>
          <Marked text={word} stems={stems} />
        </h3>
        <span class="kind">
          {POS_NAMES[hit.pos]?.toLowerCase() ?? hit.pos}
          {domain && <span class="domain"> · {domain.toLowerCase()}</span>}
        </span>
        <Nearness hit={hit} mode={mode} />
      </div>
      <p class="gloss">
        <Marked text={hit.gloss} stems={stems} />
      </p>
      {hit.examples.length > 0 && (
        <p class="example">
          “<Marked text={hit.examples[0]} stems={stems} />”
        </p>
      )}
      <p class="foot">
        {others.length > 0 && (
          <span>
            also <b>{others.slice(0, 6).join(', ')}</b>
          </span>
        )}
        <span>{reason(hit, mode, stems)}</span>
        <button type="button" class="plain" onClick={() => onNear(hit)}>
          Words near this
        </button>
      </p>
    </li>
  );
}

/** The word that answers the query first, where one does; else WordNet's own order. */
function leadingWord(words: readonly string[], stems: ReadonlySet<string>): string[] {
  const at = words.findIndex((word) => sharedWords([word], stems).length > 0);
  return at <= 0 ? [...words] : [words[at], ...words.slice(0, at), ...words.slice(at + 1)];
}

function reason({ words, gloss, examples, nearness }: WordHit, mode: Mode, stems: ReadonlySet<string>): string {
  const shared = sharedWords([...words, gloss, ...examples.slice(0, 1)], stems);
  const list = shared.slice(0, 4).join(', ');
  if (mode === 'words') return shared.length > 0 ? `has ${list}` : 'a similar spelling';
  if (nearness === null) return shared.length > 0 ? `found by its words: ${list}` : 'found by its words';
  return shared.length > 0 ? `near in meaning, shares ${list}` : 'near in meaning, in other words';
}
