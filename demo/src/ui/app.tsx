/** The whole page: header, question, one of the two tabs, footer; or the page that says why there is nothing else. */
import { blocked, bytesOnDisk, database, evicted, fault, lack, tab, text, updateReady } from '../state.ts';
import { Dictionary } from './dictionary.tsx';
import { Header } from './header.tsx';
import { Notes } from './notes.tsx';
import { NoticePage, Unsupported } from './notice.tsx';
import { SearchBox } from './search-box.tsx';

export function App() {
  if (lack.value !== null) return <Unsupported lack={lack.value} />;
  if (database.value === 'failed')
    return (
      <NoticePage title="The database did not open">
        <p>{fault.value}</p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          Try again
        </button>
      </NoticePage>
    );
  const dictionary = tab.value === 'dictionary';
  return (
    <>
      <Header />
      <main id="main">
        <section class="hero">
          <h1>{dictionary ? 'Describe it. Get the word.' : 'What did you write about…?'}</h1>
          <SearchBox />
        </section>
        <Warnings />
        {dictionary ? <Dictionary /> : <Notes />}
      </main>
      <Footer />
      {updateReady.value !== null && (
        <div class="toast" role="status">
          A new version is ready.
          <button type="button" class="plain" onClick={updateReady.value}>
            Reload
          </button>
        </div>
      )}
    </>
  );
}

/** What one has to know before anything else on the page makes sense. */
function Warnings() {
  const warnings = [
    fault.value,
    blocked.value && database.value === 'opening'
      ? 'Another tab of this page holds the database and does not answer. Close it to go on here.'
      : '',
    evicted.value ? 'The browser deleted what this page had stored, your notes with it. The dictionary is being fetched again.' : '',
  ].filter((warning) => warning !== '');
  return (
    <>
      {warnings.map((warning) => (
        <p key={warning} class="problem" role="alert">
          {warning}
        </p>
      ))}
    </>
  );
}

const number = new Intl.NumberFormat('en');

function Footer() {
  return (
    <footer>
      <p>
        {text.value.total > 0 && `${number.format(text.value.total)} senses of WordNet 3.1, `}
        {bytesOnDisk.value > 0 && `${Math.round(bytesOnDisk.value / 1e6)} MB on this device, `}
        searched by Heddle inside this browser. No server sees what you ask.
      </p>
      <p>
        <a href="/data/wordnet/LICENSE.txt">WordNet licence</a>
      </p>
    </footer>
  );
}
