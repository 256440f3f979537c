import { describe, expect, it } from 'vitest';
import { SETTLE_MS, settleMsOf, SettleRule } from './settle.ts';
import { SimulatedClock } from './simulated/device.ts';

describe('the settle rule', () => {
  it('trusts a name only after the creating worker lived 60 s more', () => {
    const clock = new SimulatedClock();
    const rule = new SettleRule(clock, SETTLE_MS);
    rule.start('a');
    clock.advance(10_000);
    rule.start('b');
    expect([rule.isSettled('a'), rule.isSettled('b'), rule.remainingMs()]).toEqual([false, false, SETTLE_MS]);
    clock.advance(SETTLE_MS - 10_000);
    expect([rule.isSettled('a'), rule.isSettled('b'), rule.remainingMs()]).toEqual([true, false, 10_000]);
    clock.advance(10_000);
    expect([rule.isSettled('b'), rule.remainingMs()]).toEqual([true, 0]);
  });

  it('does not start the wait again for a name it already knows', () => {
    const clock = new SimulatedClock();
    const rule = new SettleRule(clock, SETTLE_MS);
    rule.start('a');
    clock.advance(SETTLE_MS / 2);
    rule.start('a');
    clock.advance(SETTLE_MS / 2);
    expect(rule.isSettled('a')).toBe(true);
  });

  it('waits where names are not synced and nowhere else', () => {
    expect((['opfs', 'simulated', 'node', 'memory'] as const).map(settleMsOf)).toEqual([SETTLE_MS, SETTLE_MS, 0, 0]);
    const rule = new SettleRule(new SimulatedClock(), 0);
    rule.start('a');
    expect(rule.isSettled('a')).toBe(true);
  });
});
