/** Marks in a text what answers the question. */
import { markWords } from '../match.ts';

/** A text with the query's words marked. */
export function Marked({ text, stems }: { text: string; stems: ReadonlySet<string> }) {
  return <>{markWords(text, stems).map((piece, i) => (piece.marked ? <mark key={i}>{piece.text}</mark> : piece.text))}</>;
}
