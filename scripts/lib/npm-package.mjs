/**
 * Takes one published package's tarball through the npm client that is already configured here, checks it, and unpacks the
 * files asked for. Install scripts never run.
 *
 * Invariants:
 * - Nothing is written under `into` unless the tarball's SHA-256 is the one expected.
 * - A file that is already there is trusted: callers check content hashes where it matters.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const TAR_BLOCK_BYTES = 512;

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The files of the package `spec` (name@version) whose path inside it `keep` accepts, as a map from path to bytes. */
export function fetchPackage(spec, expectedSha256, keep) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-pack-'));
  try {
    execFileSync('npm', ['pack', spec, '--pack-destination', folder, '--loglevel', 'error'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    const tarball = readFileSync(
      join(
        folder,
        readdirSync(folder).find((name) => name.endsWith('.tgz')),
      ),
    );
    const actual = sha256(tarball);
    if (actual !== expectedSha256) throw new Error(`${spec}: tarball has SHA-256 ${actual}, expected ${expectedSha256}`);
    return untar(gunzipSync(tarball), keep);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Regular files of a ustar archive; npm puts everything below `package/`, which is cut off. */
function untar(archive, keep) {
  const files = new Map();
  for (let at = 0; at + TAR_BLOCK_BYTES <= archive.length;) {
    const text = (from, length) => archive.toString('utf8', at + from, at + from + length).split('\0')[0];
    const name = text(0, 100);
    if (name === '') break;
    const prefix = text(345, 155);
    const bytes = parseInt(text(124, 12).trim(), 8) || 0;
    const path = (prefix === '' ? name : `${prefix}/${name}`).replace(/^package\//, '');
    const isFile = text(156, 1) === '0' || text(156, 1) === '';
    at += TAR_BLOCK_BYTES;
    if (isFile && keep(path)) files.set(path, archive.subarray(at, at + bytes));
    at += Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
  return files;
}

export function writeFileDeep(path, bytes) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
