/**
 * Reads WordNet's database files (`dict/data.*`, `dict/index.sense`; layout: wndb(5WN), senseidx(5WN)) into synsets.
 *
 * Order: most used first (sum of the tagged counts of the synset's senses), then nouns, verbs, adjectives, adverbs, each in
 * file order. The order is part of the payload's format: vector row i belongs to synset i.
 */

const FILES = ['noun', 'verb', 'adj', 'adv'];
const POS_OF_SENSE = { 1: 'noun', 2: 'verb', 3: 'adj', 4: 'adv', 5: 'adj' };

/** Lexicographer files by number (lexnames(5WN)); the part after the dot is the synset's domain. */
const DOMAINS = (
  'all,pertainym,all,general,act,animal,artifact,attribute,body,cognition,communication,event,feeling,food,group,location,motive,' +
  'object,person,phenomenon,plant,possession,process,quantity,relation,shape,state,substance,time,body,change,cognition,' +
  'communication,competition,consumption,contact,creation,emotion,motion,perception,possession,social,stative,weather,participle'
).split(',');

/** `read(name)` gives the text of `dict/<name>`. → `{ id, pos, domain, words, gloss, examples, uses }[]` */
export function parseWordnet(read) {
  const uses = countUses(read('index.sense'));
  const synsets = [];
  for (const [rank, pos] of FILES.entries()) {
    for (const line of read(`data.${pos}`).split('\n')) {
      if (line === '' || line.startsWith('  ')) continue;
      synsets.push({ rank, ...parseSynset(line, pos, uses) });
    }
  }
  synsets.sort((a, b) => b.uses - a.uses || a.rank - b.rank || (a.id < b.id ? -1 : 1));
  return synsets.map(({ rank: _, ...synset }) => synset);
}

function parseSynset(line, pos, uses) {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  const id = `${pos}-${fields[0]}`;
  const words = [];
  const count = parseInt(fields[3], 16);
  for (let i = 0; i < count; i++) words.push(fields[4 + 2 * i].replace(/\((?:a|p|ip)\)$/, '').replaceAll('_', ' '));
  const { gloss, examples } = splitGloss(line.slice(bar + 3).trim());
  return { id, pos, domain: DOMAINS[Number(fields[1])], words: [...new Set(words)], gloss, examples, uses: uses.get(id) ?? 0 };
}

/** `definition; "example"; "example"- source` → the definition, and the examples without their quotation marks. */
function splitGloss(text) {
  const start = text.search(/[;:,]?\s*"[^"]*"(?:\s*-+\s*[^;"]*)?\s*(?:;|$)/);
  const first = start <= 0 ? text.length : start;
  const examples = [...text.slice(first).matchAll(/"([^"]+)"/g)].map((match) => match[1].trim()).filter((example) => example !== '');
  return { gloss: text.slice(0, first).replace(/[\s;:,]+$/, ''), examples };
}

function countUses(senses) {
  const uses = new Map();
  for (const line of senses.split('\n')) {
    const [key, offset, , count] = line.split(' ');
    if (!count || count === '0') continue;
    const id = `${POS_OF_SENSE[key[key.indexOf('%') + 1]]}-${offset}`;
    uses.set(id, (uses.get(id) ?? 0) + Number(count));
  }
  return uses;
}
