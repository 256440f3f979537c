/**
 * Memory for many small pieces that go about together: cut from large blocks, because an `ArrayBuffer` for each costs more than
 * filling it. A piece is a view; its block lives as long as any of them.
 */
const BLOCK_BYTES = 128 << 10;
/** The first block is this small, for much that is begun stays small: a host just opened, a shard with few writes. */
const FIRST_BYTES = 4 << 10;

export class Arena {
  private block = new Uint8Array(0);
  private used = 0;

  /** `bytes` bytes, zeroed, never handed out again. */
  allocate(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > BLOCK_BYTES >>> 3) return new Uint8Array(bytes);
    if (this.used + bytes > this.block.length) {
      this.block = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(FIRST_BYTES, this.block.length * 4, bytes)));
      this.used = 0;
    }
    const at = this.used;
    this.used += bytes;
    return this.block.subarray(at, this.used);
  }
}
