/** Doorway of the switchboard, a SharedWorker that introduces the tabs of one origin to the owner of a database. */
import { Switchboard } from '../src/coordinator/switchboard.ts';

const switchboard = new Switchboard();
(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports }) => switchboard.connect(ports[0]);
