/**
 * What the end-to-end tests stand on: the production demo, built and served as `npm start` does it, and browsers from
 * `bench/run/browser.ts` (`openBrowser` on a profile of one's own; `servePage` for a page that is not the demo).
 */
import { DEMO_DIST, buildDemo } from '../../scripts/lib/build-demo.mjs';
import { serveFolder } from '../../scripts/lib/static-server.mjs';

export interface ServedDemo {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds the demo unless the one there is current, and serves it on a port of its own (or `port`, to come back to the same origin). */
export async function serveDemo(port = 0): Promise<ServedDemo> {
  await buildDemo();
  return serveFolder(DEMO_DIST, { port });
}
