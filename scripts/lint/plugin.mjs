/** Heddle's own lint rules: the layers, explicit `.ts` endings, no globals of the browser below `client` and `workers`. */
import { importFault, isTest, layerOf } from './layers.mjs';

const layers = {
  meta: { type: 'problem' },
  create(context) {
    const check = (source) => {
      if (typeof source?.value !== 'string') return;
      const fault = importFault(context.filename, source.value);
      if (fault) context.report({ node: source, message: fault });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal ?? node.argument),
    };
  },
};

const BROWSER = [
  'window',
  'document',
  'navigator',
  'indexedDB',
  'localStorage',
  'caches',
  'location',
  'self',
  'postMessage',
  'Worker',
  'SharedWorker',
];
const FREE = new Set(['vfs', 'client', 'gpu', 'minilm', 'transformers']);

const engineGlobals = {
  meta: { type: 'problem' },
  create(context) {
    const layer = layerOf(context.filename);
    if (layer === null || FREE.has(layer) || isTest(context.filename)) return {};
    return {
      'Program:exit'(program) {
        const scope = context.sourceCode.getScope?.(program);
        for (const reference of scope?.through ?? []) {
          const { identifier } = reference;
          if (BROWSER.includes(identifier.name) && reference.isValueReference !== false)
            context.report({ node: identifier, message: `src/${layer} may not use the browser global "${identifier.name}": pass it in` });
        }
      },
    };
  },
};

export default { meta: { name: 'heddle' }, rules: { layers, 'engine-globals': engineGlobals } };
