/** How near a hit is: the cosine similarity where meaning was asked, else its score against the best one's. */
import type { Hit } from '../search.ts';
import type { Mode } from '../state.ts';

/** Similarities of sentences lie between these; the bar shows that range, the number is the plain similarity. */
const LEAST = 0.2;
const MOST = 0.9;

export function Nearness({ hit, mode }: { hit: Hit; mode: Mode }) {
  const byMeaning = mode !== 'words' && hit.nearness !== null;
  const part = byMeaning ? ((hit.nearness ?? 0) - LEAST) / (MOST - LEAST) : hit.strength;
  const percent = Math.round((byMeaning ? (hit.nearness ?? 0) : hit.strength) * 100);
  const label = byMeaning ? `${percent} % similar in meaning` : `${percent} % of the best match's score`;
  return (
    <span class="nearness" role="img" aria-label={label} title={label}>
      <span class="track">
        <span style={{ transform: `scaleX(${Math.min(1, Math.max(0.03, part))})` }} />
      </span>
      <span class="percent">{percent}</span>
    </span>
  );
}
