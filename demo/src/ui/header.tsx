/** Name, the two tabs, and whether the page works with the network off. */
import { type Tab, offlineReady, online, settled, tab } from '../state.ts';
import { Check, Mark } from './icons.tsx';

const TABS: readonly { readonly id: Tab; readonly label: string }[] = [
  { id: 'dictionary', label: 'Dictionary' },
  { id: 'notes', label: 'Your notes' },
];

export function Header() {
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Heddle, start page">
        <Mark />
        <span>Heddle</span>
      </a>
      <nav aria-label="What to search">
        {TABS.map(({ id, label }) => (
          <a key={id} href={`#${id}`} aria-current={tab.value === id ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <Connection />
    </header>
  );
}

function Connection() {
  if (!online.value) return <span class="chip">Offline, and working</span>;
  if (!offlineReady.value || !settled.value) return null;
  return (
    <span class="chip" title="Reload with the network off: everything is on this device">
      <Check />
      Works offline
    </span>
  );
}
