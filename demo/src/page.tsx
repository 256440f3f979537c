/** The page's entry: styles, state, service worker, then the order of things in `boot`. */
import { render } from 'preact';
import '@fontsource-variable/newsreader/wght.css';
import '@fontsource-variable/newsreader/wght-italic.css';
import '@fontsource-variable/inter/wght.css';
import './styles/base.css';
import './styles/page.css';
import './styles/search.css';
import './styles/results.css';
import './styles/notes.css';
import { boot } from './boot.ts';
import { setUpOffline } from './pwa.ts';
import { mirrorState, tab } from './state.ts';
import { App } from './ui/app.tsx';

mirrorState();
setUpOffline();
addEventListener('hashchange', () => (tab.value = location.hash === '#notes' ? 'notes' : 'dictionary'));
const root = document.getElementById('app')!;
root.replaceChildren();
render(<App />, root);
void boot();
