/**
 * The bytes of a file in memory: a buffer that doubles, so that appending is amortised.
 *
 * Invariants: bytes in `[size, buffer.length)` are zero, so that growing exposes zeros.
 * Callers: the memory vfs.
 */
export class FileContent {
  private buffer = new Uint8Array(0);
  sizeBytes = 0;

  private reserve(end: number): void {
    if (end <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(end, this.buffer.length * 2, 256));
    grown.set(this.buffer.subarray(0, this.sizeBytes));
    this.buffer = grown;
  }

  read(into: Uint8Array, at: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - at));
    into.set(this.buffer.subarray(at, at + count));
    return count;
  }

  write(bytes: Uint8Array, at: number): void {
    this.reserve(at + bytes.length);
    this.buffer.set(bytes, at);
    this.sizeBytes = Math.max(this.sizeBytes, at + bytes.length);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) this.buffer.fill(0, sizeBytes, this.sizeBytes);
    else this.reserve(sizeBytes);
    this.sizeBytes = sizeBytes;
  }
}
