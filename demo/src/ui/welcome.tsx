/** What stands where results will be: what to ask, by example. */
import { mode, query } from '../state.ts';

const EXAMPLES = [
  'someone who pretends to be ill to avoid work',
  'fear of small closed rooms',
  'a tower that guides ships',
  'killing of one’s own brother',
  'happening once in two years',
  'to cut off a limb',
];

export function Welcome() {
  return (
    <section class="welcome" aria-label="Examples">
      <h2>Try a description</h2>
      <ul>
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button
              type="button"
              onClick={() => {
                mode.value = 'meaning';
                query.value = example;
              }}
            >
              {example}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
