import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveFolder } from './static-server.mjs';

describe('the static server', () => {
  let folder;
  let server;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'heddle-server-'));
    const site = join(folder, 'site');
    mkdirSync(join(site, 'assets'), { recursive: true });
    writeFileSync(join(site, 'index.html'), '<p>home');
    writeFileSync(join(site, 'words.json'), '[1]');
    writeFileSync(join(site, 'words.json.br'), brotliCompressSync('[1]'));
    writeFileSync(join(site, 'assets', 'index-abcdefgh.js'), '1;');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    mkdirSync(join(folder, 'rows'));
    writeFileSync(join(folder, 'rows', 'a.bin'), 'rows');
    server = await serveFolder(site, { mounts: { '/rows/': join(folder, 'rows') } });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  /** The path as it stands: `fetch` would tidy it. */
  const get = (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const call = request({ port: server.port, host: '127.0.0.1', path, headers, method }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString('latin1') }),
        );
      });
      call.on('error', reject).end();
    });

  it('serves the index of a folder under the strict policy', async () => {
    const answer = await get('/');
    expect(answer).toMatchObject({ status: 200, body: '<p>home' });
    expect(answer.headers['content-security-policy']).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(answer.headers['cache-control']).toBe('no-cache');
  });

  it('sends the Brotli copy only to those who take it', async () => {
    const plain = await get('/words.json');
    expect(plain).toMatchObject({ body: '[1]' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    const small = await get('/words.json', { 'accept-encoding': 'gzip, br' });
    expect(small.headers).toMatchObject({ 'content-encoding': 'br', 'content-type': 'application/json', vary: 'accept-encoding' });
    expect(small.body).not.toBe('[1]');
  });

  it('keeps hashed names for a year and answers what is unchanged with 304', async () => {
    const answer = await get('/assets/index-abcdefgh.js');
    expect(answer.headers['cache-control']).toContain('immutable');
    expect((await get('/assets/index-abcdefgh.js', { 'if-none-match': answer.headers.etag })).status).toBe(304);
  });

  it('never leaves its folders', async () => {
    for (const path of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/../../secret.txt',
      '/rows/../secret.txt',
      '/rows/%2e%2e/secret.txt',
      '/..%5csecret.txt',
    ])
      expect((await get(path)).body, path).not.toBe('secret');
    expect((await get('/rows/a.bin')).body).toBe('rows');
  });

  it('says what it does not have and does not do', async () => {
    expect((await get('/missing')).status).toBe(404);
    expect((await get('/', {}, 'POST')).status).toBe(405);
    expect(await get('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect((await get('/%ff')).status).toBe(400);
  });
});
