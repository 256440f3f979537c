/**
 * A lock file that keeps two Node processes from writing one directory.
 *
 * The file holds the owner's process id and, on Linux, the moment that process started (field 22 of /proc/PID/stat), so that
 * a process id given to another program is not taken for the owner. A lock whose owner is gone, or is this very process, is
 * taken over: a worker thread that died leaves its lock behind.
 */
import * as fs from 'node:fs';
import { HeddleError } from '../core/errors.ts';

function startOf(pid: number): string {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return ''; // not Linux, or the process is gone
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isHeldByAnother(lockPath: string): boolean {
  let owner: string;
  try {
    owner = fs.readFileSync(lockPath, 'latin1');
  } catch {
    return false; // removed in between
  }
  const [pidText, start] = owner.split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  return isRunning(pid) && startOf(pid) === start;
}

/** Takes the lock and returns what releases it; `StorageUnavailable` while another living process holds it. */
export function lockDirectory(lockPath: string): () => void {
  const mine = `${process.pid} ${startOf(process.pid)}`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.writeFileSync(lockPath, mine, { flag: 'wx' });
      return () => fs.rmSync(lockPath, { force: true });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
      if (isHeldByAnother(lockPath)) break;
      fs.rmSync(lockPath, { force: true });
    }
  }
  throw new HeddleError('StorageUnavailable', `another process has ${lockPath} open`, {
    hint: 'Close the database there first; one process owns it at a time.',
    details: { lockPath },
  });
}
