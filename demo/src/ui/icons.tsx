/** The page's few drawn signs, all in the text's colour. */
const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 1.7,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;

/** The heddle: warp threads through the eyes. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" {...stroke}>
    <path d="M5 5h22M5 27h22M10 5v6.5M10 20.5V27M16 5v6.5M16 20.5V27M22 5v6.5M22 20.5V27" />
    <ellipse cx="10" cy="16" rx="2" ry="4.5" />
    <ellipse cx="16" cy="16" rx="2" ry="4.5" />
    <ellipse cx="22" cy="16" rx="2" ry="4.5" />
  </svg>
);

export const Glass = () => (
  <svg viewBox="0 0 24 24" aria-hidden="true" {...stroke}>
    <circle cx="10.5" cy="10.5" r="6.5" />
    <path d="m15.5 15.5 5 5" />
  </svg>
);

export const Cross = () => (
  <svg viewBox="0 0 24 24" aria-hidden="true" {...stroke}>
    <path d="M6 6l12 12M18 6 6 18" />
  </svg>
);

export const Check = () => (
  <svg viewBox="0 0 24 24" aria-hidden="true" {...stroke}>
    <path d="m5 12.5 4.5 4.5L19 7" />
  </svg>
);

export const Page = () => (
  <svg viewBox="0 0 24 24" aria-hidden="true" {...stroke}>
    <path d="M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6" />
  </svg>
);
