/** The dictionary's tab: progress of the first visit, then examples or facets and results. */
import { counts, nearTo, wordAnswer } from '../answers.ts';
import { stemsOf } from '../match.ts';
import { domains, meaningReady, mode, model, pos, query, text } from '../state.ts';
import { Facets } from './facets.tsx';
import { Progress } from './progress.tsx';
import { Welcome } from './welcome.tsx';
import { WordResult } from './word-result.tsx';

export function Dictionary() {
  const answer = wordAnswer.value;
  return (
    <>
      <Progress />
      {answer === null ? (
        <Welcome />
      ) : (
        <div class="columns">
          <Facets counts={answer.facets ?? counts.value} />
          <Results />
        </div>
      )}
    </>
  );
}

function Results() {
  const answer = wordAnswer.value!;
  const stems = stemsOf(answer.query);
  return (
    <section class="results" aria-label="Results">
      <p class="summary" role="status">
        {nearTo.value !== null ? (
          <>
            Words near <b>{nearTo.value.words[0]}</b>
            <button type="button" class="plain" onClick={() => (nearTo.value = null)}>
              Back to your question
            </button>
          </>
        ) : (
          <>
            {answer.hits.length === 0
              ? nothing()
              : `${answer.hits.length === 1 ? 'One sense' : `The ${answer.hits.length} best senses`}, ${took(answer.tookMs)}`}
            {answer.mode !== mode.value && answer.hits.length > 0 && <span class="hint"> · {insteadOfMeaning()}</span>}
          </>
        )}
      </p>
      <ol data-results data-query={answer.query} data-mode={answer.mode}>
        {answer.hits.map((hit) => (
          <WordResult key={hit.uuid} hit={hit} mode={answer.mode} stems={stems} onNear={(near) => (nearTo.value = near)} />
        ))}
      </ol>
    </section>
  );
}

function nothing(): string {
  if (text.value.state === 'running') return `Nothing yet for “${query.value.trim()}”: the dictionary is still arriving`;
  if (pos.value !== null || domains.value.length > 0) return 'Nothing here: take a filter off, or put it in other words';
  return `No entry has these words in it${meaningReady.value ? ': describe what you mean, and search by meaning' : ''}`;
}

/** Why a question about meaning was answered by words. */
export const insteadOfMeaning = (): string =>
  model.value.state === 'failed' ? 'by words: the language model did not load' : 'by words, until search by meaning is ready';

export const took = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
