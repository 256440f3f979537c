import { expect, test } from 'vitest';
import { latestOnly } from './latest.ts';

test('what is asked while one runs is answered after it, but only the newest', async () => {
  const ran: string[] = [];
  let finish: () => void = () => undefined;
  const ask = latestOnly<string>((input) => {
    ran.push(input);
    return new Promise((resolve) => (finish = resolve));
  });
  ask('m');
  ask('ma');
  ask('mal');
  expect(ran).toEqual(['m']);
  finish();
  await expect.poll(() => ran).toEqual(['m', 'mal']);
  finish();
  await Promise.resolve();
  ask('x');
  await expect.poll(() => ran).toEqual(['m', 'mal', 'x']);
});
