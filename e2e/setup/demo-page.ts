/** The demo's page as a test drives it: through the hooks listed in demo/README.md, never through what it looks like. */
import type { Page } from 'playwright';

export type Stage = 'text' | 'vectors' | 'model';
export type Mode = 'meaning' | 'words' | 'both';

/** Everything of the first visit, on a busy machine. */
export const FIRST_VISIT_MS = 280_000;

export interface DemoState {
  readonly database: string;
  readonly text: string;
  readonly textDone: number;
  readonly vectors: string;
  readonly vectorsDone: number;
  readonly model: string;
}

export async function stateOf(page: Page): Promise<DemoState> {
  const dataset = await page.evaluate(() => ({ ...document.documentElement.dataset }));
  return { ...dataset, textDone: Number(dataset.textDone), vectorsDone: Number(dataset.vectorsDone) } as unknown as DemoState;
}

export async function waitForStages(page: Page, stages: readonly Stage[], timeout = FIRST_VISIT_MS): Promise<void> {
  await page.waitForFunction((names) => names.every((name) => document.documentElement.dataset[name] === 'done'), [...stages], { timeout });
}

/** Waits until at least this many synsets are acknowledged, and says how many are. */
export async function waitForRows(page: Page, rows: number): Promise<number> {
  await page.waitForFunction((least) => Number(document.documentElement.dataset.textDone) >= least, rows, { timeout: FIRST_VISIT_MS });
  return (await stateOf(page)).textDone;
}

/** The same for vectors. */
export async function waitForVectors(page: Page, rows: number): Promise<number> {
  await page.waitForFunction((least) => Number(document.documentElement.dataset.vectorsDone) >= least, rows, { timeout: FIRST_VISIT_MS });
  return (await stateOf(page)).vectorsDone;
}

/** Asks as a person does, and gives the words of the answer, best first, once it is painted. */
export async function ask(page: Page, query: string, mode: Mode): Promise<string[][]> {
  await page.check(`input[name=mode][value=${mode}]`, { force: true });
  await page.fill('#query', query);
  await page.waitForFunction(
    ([text, how]) => {
      const list = document.querySelector<HTMLElement>('[data-results]');
      return list?.dataset.query === text && list.dataset.mode === how;
    },
    [query, mode],
    { timeout: 30_000 },
  );
  return page.$$eval('[data-results] > [data-word]', (entries) => entries.map((entry) => (entry as HTMLElement).dataset.word!.split('|')));
}

/** Among the first five entries. */
export const hasAnswer = (entries: readonly string[][], answers: readonly string[]): boolean =>
  entries.slice(0, 5).some((words) => words.some((word) => answers.includes(word.toLowerCase())));
