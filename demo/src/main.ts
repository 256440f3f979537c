/** The page's entry. The database comes first: its workers start while the page is fetched and drawn. */
import '@fontsource-variable/newsreader/wght.css';
import '@fontsource-variable/newsreader/wght-italic.css';
import '@fontsource-variable/inter/wght.css';
import './styles/base.css';
import './styles/page.css';
import './styles/search.css';
import './styles/results.css';
import './styles/notes.css';
import { boot } from './boot.ts';
import { mirrorState } from './state.ts';

mirrorState();
void boot();
void import('./page.tsx').then(({ drawPage }) => drawPage());
