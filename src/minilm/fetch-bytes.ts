/** Fetches a whole file with progress, and says which file it was when that fails. */
import { HeddleError } from '../core/errors.ts';

/** Between two tellings of progress; a file from a cache comes in hundreds of parts. */
const PROGRESS_BYTES = 512 * 1024;

/** @param onProgress bytes so far and in all, now and then; the total is 0 when the server doesn't tell */
export async function fetchBytes(
  url: string,
  onProgress?: (loadedBytes: number, totalBytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new HeddleError('VectorizerFailed', `minilm: ${url} can't be fetched`, {
      cause,
      retryable: true,
      hint: 'check the connection, and that the app serves this file',
    });
  });
  if (!response.ok || response.body === null)
    throw new HeddleError('VectorizerFailed', `minilm: ${url} answered ${response.status}`, {
      hint: 'check that the app serves this file',
    });
  // The length of a compressed body says nothing of the bytes that come out of it.
  const encoded = response.headers.has('content-encoding');
  const totalBytes = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  const parts: Uint8Array[] = [];
  let loadedBytes = 0;
  let toldBytes = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    parts.push(part);
    loadedBytes += part.length;
    if (loadedBytes - toldBytes < PROGRESS_BYTES) continue;
    toldBytes = loadedBytes;
    onProgress?.(loadedBytes, totalBytes);
  }
  onProgress?.(loadedBytes, totalBytes);
  const bytes = new Uint8Array(loadedBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
