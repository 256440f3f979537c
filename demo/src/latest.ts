/**
 * Runs one query at a time, and after it only the newest of those asked meanwhile: as one types, every keystroke asks, results
 * keep coming at the pace the device can hold, and an old answer never replaces a newer one.
 */
export function latestOnly<T>(run: (input: T) => Promise<void>): (input: T) => void {
  let waiting: { input: T } | null = null;
  let running = false;

  const work = async () => {
    running = true;
    while (waiting !== null) {
      const { input }: { input: T } = waiting;
      waiting = null;
      await run(input);
    }
    running = false;
  };

  return (input) => {
    waiting = { input };
    if (!running) void work();
  };
}
