/** A mirror in memory, for the memory vfs and for tests; nothing survives the process. */
import type { Mirror } from './vfs.ts';

export class MemoryMirror implements Mirror {
  private readonly records = new Map<string, Uint8Array[]>();

  async append(stream: string, records: readonly Uint8Array[]): Promise<void> {
    const kept = this.records.get(stream) ?? [];
    for (const record of records) kept.push(record.slice());
    this.records.set(stream, kept);
  }
  async read(stream: string): Promise<Uint8Array[]> {
    return (this.records.get(stream) ?? []).map((record) => record.slice());
  }
  async streams(): Promise<string[]> {
    return [...this.records.keys()];
  }
  async clear(): Promise<void> {
    this.records.clear();
  }
  close(): void {}
}
