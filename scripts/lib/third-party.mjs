/** Which packages a bundle carries inside, and their licences as one file beside it. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE_FOLDER = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;

/** Folders of the packages whose modules ended up in the chunks of `output`. */
export function packagesWithin(output) {
  const folders = new Set();
  for (const chunk of output)
    for (const [id, { renderedLength }] of Object.entries(chunk.modules ?? {})) {
      const folder = PACKAGE_FOLDER.exec(id)?.[1];
      if (folder !== undefined && renderedLength > 0) folders.add(folder);
    }
  return folders;
}

function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && license === undefined) throw new Error(`${name} is bundled but states no licence`);
  const text = file === undefined ? `License: ${license}` : readFileSync(join(folder, file), 'utf8').trim();
  return `${name} ${version}\n\n${text}\n`;
}

/** Writes the licences of the packages in `folders` to `file`, in the order of their names. */
export function writeLicenses(file, folders) {
  const texts = [...folders]
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map(licenseOf)
    .sort();
  const opening = 'The workers of this package carry the following code of others inside.\n';
  writeFileSync(file, [opening, ...texts].join(`\n${'-'.repeat(80)}\n\n`));
}
