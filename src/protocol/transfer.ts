/**
 * Which buffers of a value move and which are copied. A typed array that is a view of a larger buffer would drag the whole
 * buffer along when cloned, so it is copied to its own first; large buffers move, small ones are cheaper to copy.
 */

/** From here on moving a buffer is cheaper than copying it. */
const TRANSFER_BYTES_MIN = 16 * 1024;

/** `bytes` in a buffer of exactly their size, copied only where they are a view of a larger one. */
export function ownBytes<T extends Uint8Array | Uint32Array | Float32Array | Float64Array>(bytes: T): T {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : (bytes.slice() as T);
}

/**
 * Collects the large buffers in `value` (plain objects and arrays, to any depth) and cuts views to size in place of the value.
 * The sender gives those buffers up. Returns the value to post.
 */
export function prepareTransfer(value: unknown, transfer: Transferable[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return prepareView(value, transfer);
  if (Array.isArray(value)) {
    if (typeof value[0] !== 'object') return value;
    return value.map((item) => prepareTransfer(item, transfer));
  }
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) return value;
  const prepared: Record<string, unknown> = {};
  for (const key of Object.keys(value)) prepared[key] = prepareTransfer((value as Record<string, unknown>)[key], transfer);
  return prepared;
}

function prepareView(view: ArrayBufferView, transfer: Transferable[]): ArrayBufferView {
  if (view instanceof DataView) return view;
  const own = ownBytes(view as Uint8Array);
  const { buffer } = own;
  if (own.byteLength >= TRANSFER_BYTES_MIN && buffer instanceof ArrayBuffer && !transfer.includes(buffer)) transfer.push(buffer);
  return own;
}
