import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { sharedSnowball } from './shared-snowball.mjs';

const LANGUAGES =
  'danish dutch finnish french german hungarian italian norwegian portuguese romanian russian spanish swedish turkish'.split(' ');
const WORDS = 'continuellement categories häuser løbende ejecutando correndo alergând бегущий koşuyorlar juoksevat futás lopende'.split(
  ' ',
);

async function bundled(plugins) {
  const lines = LANGUAGES.map((name) => `import { stemmer as ${name} } from '@orama/stemmers/${name}';`);
  const code = `${lines.join('\n')}\nexport const stemmers = { ${LANGUAGES.join(', ')} };`;
  const entry = { name: 'entry', resolveId: (id) => (id === 'entry' ? id : null), load: (id) => (id === 'entry' ? code : null) };
  const build = await rolldown({ input: 'entry', cwd: import.meta.dirname, plugins: [entry, ...plugins], logLevel: 'silent' });
  const { output } = await build.generate({ format: 'esm' });
  await build.close();
  return output[0].code;
}

const stemsOf = async (code) => {
  const { stemmers } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return LANGUAGES.map((name) => WORDS.map((word) => stemmers[name](word)));
};

test('the stemmers share one base and stem as before', async () => {
  const [before, after] = [await bundled([]), await bundled([sharedSnowball()])];
  const copies = (code) => code.split('this.j.charCodeAt(this.cursor)').length - 1;
  expect(copies(before)).toBe(copies(after) * LANGUAGES.length);
  expect(after.length).toBeLessThan(before.length - 25_000);
  expect(await stemsOf(after)).toEqual(await stemsOf(before));
});
