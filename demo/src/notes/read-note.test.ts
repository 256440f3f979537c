import { expect, test } from 'vitest';
import { FILE_BYTES_MAX, pasted, readFile, readJson } from './read-note.ts';

test('a text is titled by its heading, its file, or its first line, in this order', async () => {
  expect(pasted('intro\n\n## The tap\nIt drips.', 'file').title).toBe('The tap');
  expect((await readFile(new File(['It drips.'], 'tap.notes.md')))[0]).toEqual({ title: 'tap.notes', text: 'It drips.' });
  expect(pasted('It drips.\nBadly.').title).toBe('It drips.');
});

test('a JSON array becomes one text for each entry, with names and nested values in it', () => {
  expect(readJson('[{"title":"Tap","body":{"state":"drips","since":2021}},"plain"]', 'a.json')).toEqual([
    { title: 'Tap', text: 'title: Tap\nbody: state: drips\nsince: 2021' },
    { title: 'a.json · 2', text: 'plain' },
  ]);
});

test('what cannot be read is refused with its name', async () => {
  await expect(readFile(new File(['x'], 'photo.png'))).rejects.toThrow('photo.png');
  expect(() => readJson('{', 'broken.json')).toThrow('broken.json is not valid JSON');
  const huge = new File(['x'], 'huge.txt');
  Object.defineProperty(huge, 'size', { value: FILE_BYTES_MAX + 1 });
  await expect(readFile(huge)).rejects.toThrow('huge.txt has');
});
