/**
 * Keeps the answers on the page in step with the question: asks again when the question changes, and while the first import
 * goes on, because then the same question has better answers every second.
 */
import { effect, signal } from '@preact/signals';
import type { DemoDatabase } from './database.ts';
import { latestOnly } from './latest.ts';
import { type Answer, type Counts, type PassageHit, type WordHit, searchNear, searchPassages, searchWords, wholeCounts } from './search.ts';
import { type Mode, database, domains, fault, markOnce, meaningReady, mode, pos, query, tab, text, vectors } from './state.ts';

export const wordAnswer = signal<Answer<WordHit> | null>(null);
export const passageAnswer = signal<Answer<PassageHit> | null>(null);
/** Of the whole dictionary, once its text is there. */
export const counts = signal<Counts>({ pos: [], domain: [] });
/** The hit whose neighbours are shown instead of an answer. */
export const nearTo = signal<WordHit | null>(null);

const REFRESH_MS = 2000;

export function keepAnswering(demo: DemoDatabase): void {
  const ask = latestOnly<void>(async () => {
    try {
      await answer(demo);
      fault.value = '';
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
    }
  });

  effect(() => {
    // Read here, so that a change of any asks again; answer() reads them when its turn comes.
    void [
      query.value,
      mode.value,
      pos.value,
      domains.value,
      tab.value,
      meaningReady.value,
      nearTo.value,
      text.value.state,
      vectors.value.state,
    ];
    ask();
  });

  effect(() => {
    const growing = text.value.state === 'running' || vectors.value.state === 'running';
    if (!growing) return;
    const timer = setInterval(ask, REFRESH_MS);
    return () => clearInterval(timer);
  });

  // What was chosen for one question is no answer to the next.
  effect(() => {
    void query.value;
    nearTo.value = null;
  });
}

async function answer(demo: DemoDatabase): Promise<void> {
  const asked = query.value.trim();
  const near = nearTo.value;
  if (asked === '' || database.value !== 'ready') {
    wordAnswer.value = null;
    passageAnswer.value = null;
    return;
  }
  const how: Mode = meaningReady.value ? mode.value : 'words';
  if (tab.value === 'notes') passageAnswer.value = await searchPassages(demo, asked, how);
  else if (near !== null) wordAnswer.value = await searchNear(demo, near);
  else wordAnswer.value = await searchWords(demo, asked, how, { pos: pos.value, domains: domains.value });
  if (text.value.state === 'done' && counts.value.pos.length === 0) countWhole(demo);
  markPainted(asked, how);
}

let counting = false;
/** Once, and after the first answer, which must not wait for it. */
function countWhole(demo: DemoDatabase): void {
  if (counting) return;
  counting = true;
  void wholeCounts(demo)
    .then((whole) => (counts.value = whole))
    // The next answer tries again; the list is whole without counts.
    .catch(() => undefined)
    .finally(() => (counting = false));
}

/** Marks the moment after the frame that shows the answer. */
function markPainted(asked: string, how: Mode): void {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      performance.mark('heddle:painted', { detail: { query: asked, mode: how } });
      markOnce(how === 'words' ? 'first-words' : 'first-meaning');
    };
    port2.postMessage(null);
  });
}
