/** What the results can be narrowed to: part of speech, one at a time; domains, as many as one likes. */
import { domains, pos } from '../state.ts';
import type { FacetCounts } from '../search.ts';
import { DOMAIN_NAMES, POS_NAMES } from './names.ts';

const count = new Intl.NumberFormat('en', { notation: 'compact' });

export function Facets({ counts }: { counts: { readonly pos: FacetCounts; readonly domain: FacetCounts } }) {
  const chosen = (pos.value === null ? 0 : 1) + domains.value.length;
  const toggle = (domain: string) =>
    (domains.value = domains.value.includes(domain) ? domains.value.filter((other) => other !== domain) : [...domains.value, domain]);
  return (
    <details class="facets" open={matchMedia('(min-width: 60rem)').matches}>
      <summary>
        Narrow down
        {chosen > 0 && <span class="count">{chosen}</span>}
      </summary>
      <div class="facet-groups">
        <Group title="Part of speech">
          {Object.entries(POS_NAMES).map(([id, name]) => (
            <Choice
              key={id}
              name={name}
              amount={amountOf(counts.pos, id)}
              on={pos.value === id}
              choose={() => (pos.value = pos.value === id ? null : id)}
              kind="pos"
              id={id}
            />
          ))}
        </Group>
        <Group title="Domain">
          {domainsToShow(counts.domain).map((id) => (
            <Choice
              key={id}
              name={DOMAIN_NAMES[id] ?? id}
              amount={amountOf(counts.domain, id)}
              on={domains.value.includes(id)}
              choose={() => toggle(id)}
              kind="domain"
              id={id}
            />
          ))}
        </Group>
        {chosen > 0 && (
          <button
            type="button"
            class="plain"
            onClick={() => {
              pos.value = null;
              domains.value = [];
            }}
          >
            Show everything
          </button>
        )}
      </div>
    </details>
  );
}

/** The domains that occur, most frequent first, and before them those chosen. */
function domainsToShow(counts: FacetCounts): string[] {
  const found = counts.map(([domain]) => domain).filter((domain) => domain in DOMAIN_NAMES);
  const all = found.length > 0 ? found : Object.keys(DOMAIN_NAMES);
  return [...domains.value, ...all.filter((domain) => !domains.value.includes(domain))];
}

const amountOf = (counts: FacetCounts, id: string): number | null =>
  counts.find(([value]) => value === id)?.[1] ?? (counts.length > 0 ? 0 : null);

function Group({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section>
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}

interface ChoiceProps {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly amount: number | null;
  readonly on: boolean;
  readonly choose: () => void;
}

function Choice({ kind, id, name, amount, on, choose }: ChoiceProps) {
  return (
    <li>
      <button type="button" aria-pressed={on} onClick={choose} data-facet={`${kind}:${id}`}>
        <span>{name}</span>
        {amount !== null && <span class="amount">{count.format(amount)}</span>}
      </button>
    </li>
  );
}
