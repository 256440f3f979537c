/**
 * Descriptions that the reverse dictionary must turn into a word: any of the answers among the first five counts.
 *
 * @type {readonly (readonly [query: string, answers: readonly string[]])[]}
 */
export const REVERSE_QUERIES = [
  ['one who pretends to be ill to avoid work', ['malingerer']],
  ['fear of small closed rooms', ['claustrophobia']],
  ['study of insects', ['entomology']],
  ['rule by a few', ['oligarchy']],
  ['one who eats human flesh', ['cannibal']],
  ['to cut off a limb', ['amputate']],
  ['a lover of books', ['bibliophile']],
  ['able to live on land and in water', ['amphibious']],
  ['a hater of mankind', ['misanthrope']],
  ['unable to read', ['illiterate']],
  ['a tower that guides ships', ['lighthouse']],
  ['fear of foreigners', ['xenophobia']],
  ['doctor for eyes', ['ophthalmologist']],
  ['half a sphere', ['hemisphere']],
  ['to speak very softly', ['whisper']],
  ['a place for keeping airplanes', ['hangar']],
  ["killing of one's own brother", ['fratricide']],
  ['a horse that is not yet grown', ['foal', 'colt']],
  ['happening once in two years', ['biennial']],
  ['small stream', ['brook', 'rivulet', 'creek']],
];
