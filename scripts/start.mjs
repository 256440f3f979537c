/**
 * npm start: sets everything up, builds the production demo and serves it. Works in a fresh clone with Node and npm alone.
 *
 * `PORT` chooses the port (4173 otherwise, or the next free one).
 */
import { prepare } from './lib/prepare.mjs';

const FIRST_PORT = 4173;

const started = performance.now();
await prepare();
const { DEMO_DIST, buildDemo } = await import('./lib/build-demo.mjs');
await buildDemo();
const { serveFolder } = await import('./lib/static-server.mjs');

async function listen(port, tries) {
  try {
    return await serveFolder(DEMO_DIST, { port });
  } catch (error) {
    if (error.code !== 'EADDRINUSE' || tries === 0) throw error;
    return listen(port + 1, tries - 1);
  }
}

const asked = Number(process.env.PORT ?? FIRST_PORT);
const { url } = await listen(asked, process.env.PORT === undefined ? 20 : 0);
console.log(`\nThe demo is ready after ${((performance.now() - started) / 1000).toFixed(0)} s:\n\n    ${url}\n\nCtrl+C ends it.`);
