/**
 * The switchboard: introduces tabs to the owner of the database. It runs in a SharedWorker, hands each tab one end of a new channel and
 * the owner the other, and carries no data itself. One per database and protocol version.
 */
import type { IntroductionMessage, LeadMessage, SwitchboardRequest } from '../protocol/owner-api.ts';

interface Tab {
  readonly port: MessagePort;
  readonly candidate: MessagePort;
}

export class Switchboard {
  private readonly tabs = new Map<MessagePort, Tab>();
  private owner: MessagePort | null = null;

  /** A page connected. */
  connect(port: MessagePort): void {
    port.onmessage = (event) => this.receive(port, event.data as SwitchboardRequest);
  }

  private receive(port: MessagePort, request: SwitchboardRequest): void {
    if (request.kind === 'join') {
      const tab: Tab = { port, candidate: request.candidate };
      this.tabs.set(port, tab);
      request.candidate.onmessage = (event) => {
        if ((event.data as LeadMessage).kind === 'lead') this.lead(request.candidate);
      };
      this.introduce(tab);
    } else if (request.kind === 'again') {
      const tab = this.tabs.get(port);
      if (tab !== undefined) this.introduce(tab);
    } else {
      this.tabs.delete(port);
    }
  }

  private lead(candidate: MessagePort): void {
    this.owner = candidate;
    for (const tab of this.tabs.values()) this.introduce(tab);
  }

  /** The owner's own tab needs no introduction: its page and worker have a port between them. */
  private introduce(tab: Tab): void {
    if (this.owner === null || tab.candidate === this.owner) return;
    const { port1, port2 } = new MessageChannel();
    this.owner.postMessage({ kind: 'port', port: port2 } satisfies IntroductionMessage, [port2]);
    tab.port.postMessage({ kind: 'port', port: port1 } satisfies IntroductionMessage, [port1]);
  }
}
