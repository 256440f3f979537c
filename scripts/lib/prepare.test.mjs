import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagesCurrent } from './prepare.mjs';

describe('installed packages', () => {
  let folder;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'heddle-prepare-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const lock = (packages) => writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  function installed(packages) {
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
  }
  const a = { version: '1.0.0' };

  it('are not there in a fresh clone', () => {
    lock({ '': {}, 'node_modules/a': a });
    expect(packagesCurrent(folder)).toBe(false);
  });

  it('are current when each has the version of the lock file', () => {
    lock({ '': {}, 'node_modules/a': a });
    installed({ 'node_modules/a': a });
    expect(packagesCurrent(folder)).toBe(true);
  });

  it('are not current when one is missing or another version', () => {
    lock({ '': {}, 'node_modules/a': a, 'node_modules/b': a });
    installed({ 'node_modules/a': a });
    expect(packagesCurrent(folder)).toBe(false);
    installed({ 'node_modules/a': a, 'node_modules/b': { version: '0.9.0' } });
    expect(packagesCurrent(folder)).toBe(false);
  });

  it('are current without an optional one for another platform', () => {
    lock({ '': {}, 'node_modules/a': a, 'node_modules/b-win32': { ...a, optional: true } });
    installed({ 'node_modules/a': a });
    expect(packagesCurrent(folder)).toBe(true);
  });
});
