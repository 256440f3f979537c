/** A whole page that says why there is nothing else. */
import type { ComponentChildren } from 'preact';
import type { Lack } from '../platform.ts';
import { Mark } from './icons.tsx';

export function Unsupported({ lack: { title, explanation, remedy } }: { lack: Lack }) {
  return (
    <NoticePage title={title}>
      <p>{explanation}</p>
      <p>{remedy}</p>
    </NoticePage>
  );
}

export function NoticePage({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="notice-page" aria-live="assertive">
      <Mark />
      <h1>{title}</h1>
      {children}
    </main>
  );
}
