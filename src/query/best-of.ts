/** The first k of many in an order, without sorting them all: a heap with the last at the root. */
export class BestOf<T> {
  private readonly heap: T[] = [];
  private readonly capacity: number;
  private readonly compare: (a: T, b: T) => number;

  constructor(capacity: number, compare: (a: T, b: T) => number) {
    this.capacity = capacity;
    this.compare = compare;
  }

  offer(item: T): void {
    if (this.capacity === 0) return;
    const { heap } = this;
    if (heap.length < this.capacity) {
      heap.push(item);
      this.up(heap.length - 1);
    } else if (this.compare(item, heap[0]) < 0) {
      heap[0] = item;
      this.down();
    }
  }

  private up(from: number): void {
    const { heap, compare } = this;
    for (let at = from; at > 0;) {
      const parent = (at - 1) >>> 1;
      if (compare(heap[at], heap[parent]) <= 0) return;
      [heap[at], heap[parent]] = [heap[parent], heap[at]];
      at = parent;
    }
  }

  private down(): void {
    const { heap, compare } = this;
    for (let at = 0; ;) {
      let last = at;
      for (const child of [at * 2 + 1, at * 2 + 2]) if (child < heap.length && compare(heap[child], heap[last]) > 0) last = child;
      if (last === at) return;
      [heap[at], heap[last]] = [heap[last], heap[at]];
      at = last;
    }
  }

  /** In order. */
  take(): T[] {
    return [...this.heap].sort(this.compare);
  }
}
