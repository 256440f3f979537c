/** A stream whose source is fetched first: parts of the client that are seldom used are chunks of their own. */
export function lazyStream(load: () => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  load()
    .then((source) => source.pipeTo(writable))
    .catch((thrown: unknown) => writable.abort(thrown).catch(() => undefined)); // the reader gets the error, or has gone
  return readable;
}
