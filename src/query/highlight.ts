/**
 * Fragments of an object's text around what matched, as HTML: the text is escaped and each match stands in `<mark>`, so that a
 * fragment may be set as inner HTML as it is.
 */
import type { FieldIndex } from '../inverted/field-index.ts';
import { valuesOf } from '../inverted/fields.ts';
import type { InvertedIndex } from '../inverted/inverted-index.ts';
import type { KeywordSearch } from '../protocol/search-request.ts';
import { editDistance } from '../core/edit-distance.ts';
import { keywordGroups, type Slot } from './keyword-query.ts';

const FRAGMENTS_MAX = 3;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (letter) => ESCAPES[letter]);

interface Span {
  readonly start: number;
  readonly end: number;
}

export type Highlighter = (values: readonly unknown[]) => Record<string, string[]>;

/** Made once a query; null when no highlights are asked for. */
export function highlighter(index: InvertedIndex, search: KeywordSearch): Highlighter | null {
  const wanted = search.highlight;
  if (wanted === null) return null;
  const slotsOf = new Map<FieldIndex, readonly Slot[]>();
  for (const { fields, slots } of keywordGroups(index, { ...search, properties: [] }))
    for (const { index: field } of fields) slotsOf.set(field, slots);
  const paths = wanted.properties.length > 0 ? wanted.properties : [...slotsOf.keys()].map(({ field }) => field.path);
  return (values) => {
    const fragments: Record<string, string[]> = {};
    for (const path of paths) {
      const field = index.field(path);
      const slots = slotsOf.get(field);
      if (slots === undefined) continue;
      const found = valuesOf(field.field, values).flatMap((text) =>
        typeof text === 'string' ? fragmentsOf(text, field, slots, wanted.fragmentCharsMax) : [],
      );
      if (found.length > 0) fragments[path] = found.slice(0, FRAGMENTS_MAX);
    }
    return fragments;
  };
}

function matches(term: string, slot: Slot): boolean {
  if (term === slot.term) return true;
  if (slot.prefix !== null && term.startsWith(slot.prefix)) return true;
  return slot.typos > 0 && term[0] === slot.typed[0] && editDistance(slot.typed, term, slot.typos) <= slot.typos;
}

function fragmentsOf(text: string, field: FieldIndex, slots: readonly Slot[], charsMax: number): string[] {
  const hits: Span[] = [];
  field.field.analyzer!.spans(text, (term, start, end) => {
    if (slots.some((slot) => matches(term, slot))) hits.push({ start, end });
  });
  const fragments: string[] = [];
  for (let i = 0; i < hits.length && fragments.length < FRAGMENTS_MAX;) {
    const window = windowAround(text, hits[i], charsMax);
    const inside: Span[] = [];
    while (i < hits.length && (inside.length === 0 || hits[i].end <= window.end)) inside.push(hits[i++]);
    fragments.push(marked(text, window, inside));
  }
  return fragments;
}

/** A stretch of about `charsMax` characters that begins a little before the match, cut at white space where there is some near. */
function windowAround(text: string, { start, end }: Span, charsMax: number): Span {
  if (text.length <= charsMax) return { start: 0, end: text.length };
  const lead = Math.max(0, Math.min(Math.floor(charsMax / 4), charsMax - (end - start)));
  let from = Math.max(0, Math.min(start - lead, text.length - charsMax));
  let to = Math.max(end, Math.min(text.length, from + charsMax));
  const blank = text.indexOf(' ', from);
  if (from > 0 && blank >= 0 && blank < start) from = blank + 1;
  const lastBlank = text.lastIndexOf(' ', to);
  if (to < text.length && lastBlank >= end) to = lastBlank;
  return { start: from, end: to };
}

function marked(text: string, window: Span, hits: readonly Span[]): string {
  let html = window.start > 0 ? '…' : '';
  let done = window.start;
  for (const { start, end } of hits) {
    if (start < done) continue;
    html += `${escapeHtml(text.slice(done, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`;
    done = end;
  }
  return html + escapeHtml(text.slice(done, Math.max(done, window.end))) + (window.end < text.length ? '…' : '');
}
