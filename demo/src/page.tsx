/** Draws the page, and sees to its being there without a network. */
import { render } from 'preact';
import { setUpOffline } from './pwa.ts';
import { tab } from './state.ts';
import { App } from './ui/app.tsx';

export function drawPage(): void {
  addEventListener('hashchange', () => (tab.value = location.hash === '#notes' ? 'notes' : 'dictionary'));
  const root = document.getElementById('app')!;
  root.replaceChildren();
  render(<App />, root);
  setUpOffline();
}
