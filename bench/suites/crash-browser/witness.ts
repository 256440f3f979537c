/**
 * The witness: a server outside of the browser that tells a page what to do, and remembers what it was told was written.
 * Whatever the witness has heard of as `power` must be there after a power cut, whatever it has heard of after a kill.
 *
 * It listens to the first page of each start that asks what to do, and to those of earlier starts, which may outlive their browser
 * for a moment. A browser may load the site once more for itself, with other storage: such a page gets no answer, and is counted.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Order {
  readonly mode: 'write' | 'look';
  /** Control: every flush does nothing. */
  readonly noFlush: boolean;
}

export interface Found {
  /** Numbers of the records that are there. */
  readonly numbers: readonly number[];
  /** What is there but wrong, in words. */
  readonly wrong: readonly string[];
  readonly settled: boolean;
  /** Nothing at all is stored for the page's origin: no file, no database, not even what this suite put there beside the engine. */
  readonly originIsEmpty: boolean;
}

type Ack = 'power' | 'process';

export class Witness {
  order: Order = { mode: 'look', noFlush: false };
  /** What was acknowledged, by number. */
  readonly acks = new Map<number, Ack>();
  readonly errors: string[] = [];
  /** Pages of this start but the first. */
  readonly otherPages = new Set<string>();
  private readonly pages = new Set<string>();
  private isAsked = false;
  url = '';
  private waiting: { matches: () => boolean; resolve: () => void }[] = [];
  private found: Found | null = null;
  private settledHeard = false;
  private readonly server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    const url = new URL(request.url ?? '/', 'http://x');
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const page = url.searchParams.get('page') ?? '';
      if (url.pathname === '/order' && !this.isAsked) {
        this.isAsked = true;
        this.pages.add(page);
      }
      if (!this.pages.has(page)) {
        this.otherPages.add(page);
        response.destroy();
        return;
      }
      this.hear(url.pathname, body);
      response.setHeader('content-type', 'application/json');
      response.end(url.pathname === '/order' ? JSON.stringify(this.order) : '{}');
      this.waiting = this.waiting.filter(({ matches, resolve }) => {
        const done = matches();
        if (done) resolve();
        return !done;
      });
    });
  });

  private hear(path: string, body: string): void {
    if (path === '/ack') {
      const [from, to, durability] = body.split(' ');
      for (let n = Number(from); n <= Number(to); n++) this.acks.set(n, durability as Ack);
    } else if (path === '/found') this.found = JSON.parse(body) as Found;
    else if (path === '/settled') this.settledHeard = true;
    else if (path === '/error') this.errors.push(body);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  forget(): void {
    this.found = null;
    this.settledHeard = false;
    this.errors.length = 0;
    this.otherPages.clear();
    this.isAsked = false;
  }

  private until(matches: () => boolean, what: string, limitMs: number): Promise<void> {
    if (matches()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new Error(`no ${what} within ${limitMs} ms${this.errors.length > 0 ? `; the page says: ${this.errors.join('; ')}` : ''}`)),
        limitMs,
      );
      this.waiting.push({
        matches: () => matches() || this.errors.length > 0,
        resolve: () => {
          clearTimeout(timer);
          if (matches()) resolve();
          else reject(new Error(`the page failed: ${this.errors.join('; ')}`));
        },
      });
    });
  }

  async findings(limitMs: number): Promise<Found> {
    await this.until(() => this.found !== null, 'findings', limitMs);
    return this.found as Found;
  }
  async acked(count: number, limitMs: number): Promise<void> {
    const goal = this.acks.size + count;
    await this.until(() => this.acks.size >= goal, `${count} acknowledgements`, limitMs);
  }
  settled(limitMs: number): Promise<void> {
    return this.until(() => this.settledHeard, 'word that the files have settled', limitMs);
  }
}
