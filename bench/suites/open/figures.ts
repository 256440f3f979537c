/** Figures of `npm run bench -- open`. */
export const FIGURES = [
  'open.first-visit.keyword-ms',
  'open.warm.keyword-ms',
  'open.warm.meaning-ms',
  'open.keystroke.p95-ms',
  'open.page-task-max-ms',
  'open.tab-memory-mb',
  'open.idle-wakeups-per-s',
];
