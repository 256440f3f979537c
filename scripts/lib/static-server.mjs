/**
 * The static file server behind `npm start`, the end-to-end tests and the benchmarks: what a careful host would send.
 *
 * - Strict Content-Security-Policy: scripts and wasm from the own origin only, no eval.
 * - `x.br` beside `x` is sent instead where the browser takes Brotli; names with a content hash are kept for a year.
 * - Binds to the loopback address, which browsers treat as a secure context, so that OPFS and service workers work.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

export const STRICT_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "worker-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HASHED = /[.-][\w-]{8,}\.(?:js|css|wasm|woff2|png|svg|onnx)$/;

/** The file for a request path below `folder`, or null when there is none or it would leave the folder. */
function resolveFile(folder, path) {
  const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path));
  if (file !== folder && !file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return null;
  return existsSync(file) && statSync(file).isFile() ? file : null;
}

/** The decoded path of a request, or null where it can't be read. */
function pathOf(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://x').pathname);
  } catch {
    return null; // a percent sign that begins no byte, or an address that is none
  }
}

function cacheControl(path) {
  return HASHED.test(path) && path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}

/**
 * Serves `folder` (and `mounts`: path prefix → folder) on a free or given port. `headers` add to or replace the usual ones.
 * Resolves to `{ url, port, close }` once it listens.
 */
export function serveFolder(folder, { port = 0, mounts = {}, headers = {}, host = '127.0.0.1' } = {}) {
  const server = createServer((request, response) => {
    const path = pathOf(request.url ?? '/');
    if (path === null) return void response.writeHead(400).end();
    const prefix = Object.keys(mounts).find((name) => path.startsWith(name));
    const file = prefix === undefined ? resolveFile(folder, path) : resolveFile(mounts[prefix], `/${path.slice(prefix.length)}`);
    if (file === null || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(file === null ? 404 : 405, { 'content-type': 'text/plain' }).end(file === null ? 'not found' : 'GET only');
      return;
    }
    const brotli = existsSync(`${file}.br`) && /\bbr\b/.test(String(request.headers['accept-encoding']));
    const sent = brotli ? `${file}.br` : file;
    const { size, mtimeMs } = statSync(sent);
    const etag = `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`;
    const head = {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': STRICT_POLICY,
      'cache-control': cacheControl(path),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      vary: 'accept-encoding',
      etag,
      ...(brotli ? { 'content-encoding': 'br' } : {}),
      ...headers,
    };
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, head).end();
    response.writeHead(200, { ...head, 'content-length': size });
    if (request.method === 'HEAD') return void response.end();
    createReadStream(sent)
      .on('error', () => response.destroy())
      .pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const { port: bound } = server.address();
      const close = () =>
        new Promise((closed) => {
          server.close(() => closed(undefined));
          server.closeAllConnections();
        });
      resolve({ url: `http://${host === '127.0.0.1' ? 'localhost' : host}:${bound}/`, port: bound, close });
    });
  });
}
