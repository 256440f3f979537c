/** An empty Vite app somewhere else on the disk, with the packed package installed as anyone would install it. */
import { execFileSync, spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { buildLibrary } from '../../scripts/lib/build-library.mjs';
import { ROOT, prepare } from '../../scripts/lib/prepare.mjs';

export interface ConsumerApp {
  readonly folder: string;
  /** Where the package lies in the app. */
  readonly installed: string;
  run(command: string, ...args: string[]): string;
  /** Starts `npx vite …` on a port of its own; resolves with its address once it answers. */
  serve(...args: string[]): Promise<{ readonly url: string; stop(): Promise<void> }>;
  remove(): void;
}

const versionOf = (name: string): string => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies[name];

function run(cwd: string, command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

/** Builds and packs the package, and installs it with Vite into a new folder. */
export async function makeConsumerApp(): Promise<ConsumerApp> {
  await prepare();
  await buildLibrary();
  const folder = mkdtempSync(join(tmpdir(), 'heddle-app-'));
  const packed = join(folder, 'packed');
  mkdirSync(packed);
  run(ROOT, 'npm', 'pack', '--ignore-scripts', '--pack-destination', packed);
  const tarball = readdirSync(packed)[0];
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      name: 'app',
      private: true,
      type: 'module',
      dependencies: { heddle: `file:packed/${tarball}` },
      devDependencies: { vite: versionOf('vite'), typescript: versionOf('typescript') },
    }),
  );
  run(folder, 'npm', 'install', '--no-audit', '--no-fund');
  return {
    folder,
    installed: join(folder, 'node_modules', 'heddle'),
    run: (command, ...args) => run(folder, command, ...args),
    serve: (...args) => serve(folder, args),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function serve(cwd: string, args: readonly string[]): Promise<{ url: string; stop(): Promise<void> }> {
  const vite = [
    join(cwd, 'node_modules', 'vite', 'bin', 'vite.js'),
    ...args,
    '--host',
    '127.0.0.1',
    '--strictPort',
    '--port',
    String(await freePort()),
  ];
  const child = spawn(process.execPath, vite, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (part: Buffer) => {
      output += part.toString();
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(stripVTControlCharacters(output))?.[0];
      if (url !== undefined)
        resolve({
          url,
          async stop() {
            child.kill();
            await exited;
          },
        });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then(() => reject(new Error(`vite ${args.join(' ')} ended: ${output}`)));
  });
}

/** A proxy before `target` that adds `policy` to every answer, as a careful host would in front of a server that sends none. */
export function underPolicy(target: string, policy: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(target);
  const proxy = createServer((incoming, outgoing) => {
    const forwarded = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers: { ...incoming.headers, host: `${hostname}:${port}` } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, 'content-security-policy': policy });
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  proxy.on('upgrade', (incoming, socket) => {
    const onward = connect(Number(port), hostname, () => {
      const headers = Object.entries({ ...incoming.headers, host: `${hostname}:${port}`, origin: `http://${hostname}:${port}` });
      onward.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${String(value)}`).join('\r\n')}\r\n\r\n`);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return new Promise((resolve) => {
    proxy.listen(0, '127.0.0.1', () => {
      const { port: bound } = proxy.address() as AddressInfo;
      resolve({
        url: `http://localhost:${bound}/`,
        stop: () =>
          new Promise((stopped) => {
            proxy.close(() => stopped());
            proxy.closeAllConnections();
          }),
      });
    });
  });
}
