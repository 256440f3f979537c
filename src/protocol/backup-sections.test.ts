import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { backupHeader, backupSection, SectionKind, SectionReader, type Section } from './backup-sections.ts';

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(parts.flatMap((part) => [...part]));

test('the worked example of the format page is what is written', () => {
  const page = readFileSync(new URL('../../docs/format/backup.md', import.meta.url), 'utf8');
  const example = page.slice(page.lastIndexOf('```', page.length - 5)).split('\n');
  const bytes = example.flatMap((line) => /^((?:[0-9a-f]{2} ?)+)(?: {2,}|$)/.exec(line)?.[1].trim().split(' ') ?? []);
  const written = joined([backupHeader(), backupSection(SectionKind.end, utf8('{"collections":0,"objects":0}\n'))]);
  expect(bytes.join(' ')).toBe(hex(written));
});

const sections = fc.array(fc.record({ kind: fc.constantFrom(1, 2, 3), payload: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 5 });

test('sections read back however the stream is cut into chunks', () => {
  fc.assert(
    fc.property(sections, fc.array(fc.nat(30), { minLength: 1 }), (given, cuts) => {
      const stream = joined([backupHeader(), ...given.map(({ kind, payload }) => backupSection(kind, payload))]);
      const reader = new SectionReader();
      const read: Section[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length] + 1;
        for (const { kind, payload } of reader.feed(stream.subarray(at, at + size))) read.push({ kind, payload: payload.slice() });
        at += size;
      }
      expect(read).toEqual(given.map(({ kind, payload }) => ({ kind, payload: Uint8Array.from(payload) })));
    }),
  );
});

test('every flipped bit of a stream is found', () => {
  const stream = joined([
    backupHeader(),
    backupSection(SectionKind.objects, utf8('some objects')),
    backupSection(SectionKind.end, utf8('{}')),
  ]);
  const texts = ['some objects', '{}'];
  for (let bit = 0; bit < stream.length * 8; bit++) {
    const damaged = stream.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    const read: string[] = [];
    let refused = false;
    try {
      for (const { payload } of new SectionReader().feed(damaged)) read.push(fromUtf8(payload));
    } catch {
      refused = true;
    }
    // A longer length waits for bytes that don't come: fewer sections, and the end is missing.
    expect(refused || read.length < texts.length, `bit ${bit}`).toBe(true);
  }
});
