/** Type declarations of the published entry points, by the compiler itself, and nothing else of the tree. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './prepare.mjs';
import { must } from './steps.mjs';

/** Entry points whose declarations are published; the compiler adds what they import. */
const SOURCES = ['src/client/index.ts', 'src/minilm/index.ts', 'src/transformers/index.ts'];

/** Writes `outDir/types/**`; the entry points' declarations are `types/client/index.d.ts` and so on. */
export async function writeDeclarations(outDir) {
  const config = join(ROOT, '.cache', 'tsconfig.declarations.json');
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  writeFileSync(
    config,
    JSON.stringify({
      extends: '../tsconfig.json',
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rewriteRelativeImportExtensions: true,
        stripInternal: true,
        allowJs: false,
        rootDir: '../src',
        outDir: relative(join(ROOT, '.cache'), join(outDir, 'types')),
        paths: {},
      },
      include: [],
      files: SOURCES.filter((source) => existsSync(join(ROOT, source))).map((source) => `../${source}`),
    }),
  );
  await must('writing type declarations', 'npx', ['tsc', '-p', config], { cwd: ROOT });
  pointAtDeclarations(join(outDir, 'types'));
}

/** Declarations name their neighbours as `./x.js`, which every resolution mode finds; the compiler leaves some as `./x.ts`. */
function pointAtDeclarations(folder) {
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = join(folder, String(name));
    if (!file.endsWith('.d.ts')) continue;
    const text = readFileSync(file, 'utf8');
    const mended = text.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.ts(['"])/g, '$1.js$2');
    if (mended !== text) writeFileSync(file, mended);
  }
}
