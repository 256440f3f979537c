import { describe, expect, it } from 'vitest';
import { retryWhileBusy, withTimeLimit } from './backoff.ts';
import { isBusy, typedOpfsError } from './opfs-errors.ts';

const named = (name: string): Error => Object.assign(new Error('simulated'), { name });
const quick = { firstDelayMs: 1, delayMsMax: 2, totalMs: 20 };

describe('opening a busy file', () => {
  it('is tried again until the other holder lets go', async () => {
    let tries = 0;
    const opened = await retryWhileBusy(
      async () => {
        if (++tries < 5) throw named('NoModificationAllowedError');
        return 'opened';
      },
      isBusy,
      quick,
    );
    expect([opened, tries]).toEqual(['opened', 5]);
  });

  it('is given up when the time is over, with the last failure', async () => {
    let tries = 0;
    const attempt = retryWhileBusy(
      async () => {
        tries++;
        throw named('NoModificationAllowedError');
      },
      isBusy,
      quick,
    );
    await expect(attempt).rejects.toMatchObject({ name: 'NoModificationAllowedError' });
    expect(tries).toBeGreaterThan(5);
  });

  it('is not tried again after any other failure', async () => {
    let tries = 0;
    const attempt = retryWhileBusy(
      async () => {
        tries++;
        throw named('NotFoundError');
      },
      isBusy,
      quick,
    );
    await expect(attempt).rejects.toMatchObject({ name: 'NotFoundError' });
    expect(tries).toBe(1);
  });
});

describe('a call with a time limit', () => {
  it('fails with StorageUnavailable when it never settles, and what comes late is discarded', async () => {
    let arrive: (value: string) => void = () => undefined;
    const late: string[] = [];
    const call = withTimeLimit(new Promise<string>((resolve) => (arrive = resolve)), 5, 'open f', (value) => late.push(value));
    await expect(call).rejects.toMatchObject({ code: 'StorageUnavailable', details: { limitMs: 5 } });
    arrive('handle');
    await Promise.resolve();
    await Promise.resolve();
    expect(late).toEqual(['handle']);
  });

  it('passes on results and failures in time', async () => {
    await expect(withTimeLimit(Promise.resolve(1), 1000, 'x')).resolves.toBe(1);
    await expect(withTimeLimit(Promise.reject(new Error('no')), 1000, 'x')).rejects.toThrow('no');
  });
});

describe('what browsers throw', () => {
  it('becomes a typed error with a hint where the user can do something', () => {
    const codes = [
      'QuotaExceededError',
      'NotFoundError',
      'NoModificationAllowedError',
      'SecurityError',
      'UnknownError',
      'NotSupportedError',
      'InvalidStateError',
    ].map((name) => [name, typedOpfsError(named(name), 'open f').code]);
    expect(Object.fromEntries(codes)).toEqual({
      QuotaExceededError: 'StorageFull',
      NotFoundError: 'NotFound',
      NoModificationAllowedError: 'StorageUnavailable',
      SecurityError: 'StorageUnavailable',
      UnknownError: 'StorageUnavailable',
      NotSupportedError: 'StorageUnavailable',
      InvalidStateError: 'StorageUnavailable',
    });
    expect(typedOpfsError(named('SecurityError'), 'open f').hint).toContain('Private windows');
  });
});
