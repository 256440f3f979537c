/**
 * Crash states of a recorded workload: at every call a power cut with several choices of what survived, and a kill; each is
 * recovered and checked, recovered a second time, worked on, and for a sample the recovery itself is crashed at every call.
 */
import { SeededRandom } from '../../../src/core/clock.ts';
import { HeddleError } from '../../../src/core/errors.ts';
import type { ShardHost } from '../../../src/shard/engine-host.ts';
import { afterKill, type DeviceSnapshot, type SimulatedDevice } from '../../../src/vfs/simulated/device.ts';
import { deviceFrom, hashOf, imageOf } from '../../../src/vfs/simulated/image.ts';
import { keepNothing, keepRandomly, survivals } from '../../../src/vfs/simulated/survival.ts';
import { type Allowed, checkContent, checkHost, type VectorCheck, Violation, type ViolationKind } from './check.ts';
import { type Moment, type Recording, resend } from './record.ts';
import { openHost, type Sabotage } from './subject.ts';

export interface ExploreOptions {
  readonly seed: number;
  /** Survival choices at each moment. */
  readonly plansPerMoment: number;
  /** Of each recovery that is crashed itself: choices at each of its calls. */
  readonly plansPerRecoveryCall: number;
  /** One recovery in this many is crashed at every call. */
  readonly recoveriesPerDeep: number;
  /** Only moments `part`, `part + parts`, … */
  readonly part: number;
  readonly parts: number;
  /** Stop at the first violation; else up to `violationsMax`. */
  readonly violationsMax: number;
  readonly deadlineMs: number;
  readonly sabotage: Sabotage;
  readonly vectors: VectorCheck;
}

export interface Exploration {
  /** Hashes of the disk images that were recovered. */
  readonly hashes: Set<number>;
  recoveries: number;
  kills: number;
  deep: number;
  readonly violations: { readonly kind: ViolationKind; readonly message: string; readonly at: string }[];
  /** False when the deadline came before all moments were done. */
  complete: boolean;
}

class Explorer {
  readonly result: Exploration = { hashes: new Set(), recoveries: 0, kills: 0, deep: 0, violations: [], complete: true };
  private readonly recording: Recording;
  private readonly options: ExploreOptions;
  private readonly random: SeededRandom;

  constructor(recording: Recording, options: ExploreOptions) {
    this.recording = recording;
    this.options = options;
    this.random = new SeededRandom(options.seed + options.part * 7919);
  }

  get isOver(): boolean {
    if (this.result.violations.length >= this.options.violationsMax) return true;
    if (Date.now() < this.options.deadlineMs) return false;
    this.result.complete = false;
    return true;
  }

  private async guarded(at: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (thrown) {
      const kind = thrown instanceof Violation ? thrown.kind : 'unopenable';
      const message =
        thrown instanceof Violation
          ? thrown.message
          : thrown instanceof HeddleError
            ? `${thrown.code}: ${thrown.message}`
            : thrown instanceof Error
              ? (thrown.stack ?? thrown.message)
              : String(thrown);
      this.result.violations.push({ kind, message, at });
    }
  }

  private async open(device: SimulatedDevice): Promise<ShardHost> {
    this.result.recoveries++;
    return openHost(device, this.options.sabotage);
  }

  /** Recovers `device` and checks it; with `watch`, freezes it at every call of the recovery. */
  private async recover(
    device: SimulatedDevice,
    allowed: Allowed,
    watch: ((snapshot: DeviceSnapshot, call: string) => void) | null,
  ): Promise<ShardHost> {
    let before = 0;
    if (watch !== null)
      device.onCall = (call) => {
        if (call.index === before) return;
        before = call.index;
        watch(device.freeze(), `${call.kind} ${call.path}`);
      };
    const host = await this.open(device);
    device.onCall = null;
    watch?.(device.freeze(), 'opened');
    await checkHost(host, allowed, this.random, this.random.next() < (this.options.vectors === 'graph' ? 0.3 : 0.05), this.options.vectors);
    return host;
  }

  /** Opening again what was just recovered must give the same state, sharper: all that was found is acknowledged now. */
  private async recoverTwice(device: SimulatedDevice, allowed: Allowed): Promise<void> {
    const first = await this.recover(device, allowed, null);
    const before = await fingerprints(first);
    device.restart(false);
    const second = await this.recover(device, allowed, null);
    const after = await fingerprints(second);
    if (before !== after) throw new Violation('lost', `recovered twice, two states: ${before} and ${after}`);
  }

  /** What a client does next: it sends again what came after operation `safe`; then power fails, and everything must be there once. */
  private async goOn(device: SimulatedDevice, host: ShardHost, moment: Moment, safe: number, at: string): Promise<void> {
    const { history } = this.recording;
    const exact: Allowed = { history, first: moment.issued, last: moment.issued };
    await this.guarded(`${at}, then sent again what was not acknowledged`, async () => {
      const durability = await resend(host, this.recording, moment, safe);
      await checkContent(host, exact);
      if (this.random.next() < 0.5) await host.flush();
      const snapshot = device.freeze();
      const isSafe = durability === 'power' && safe <= moment.ackedPower;
      const survival = this.random.next() < 0.5 ? keepNothing : keepRandomly(this.random, 0.5, 0.1);
      const image = imageOf(snapshot, survival);
      this.result.hashes.add(hashOf(image));
      await this.guarded(`${at}, then sent again what was not acknowledged, then power cut`, async () =>
        checkHost(
          await this.open(deviceFrom(image, { laterMs: 1000 })),
          { history, first: isSafe ? moment.issued : moment.ackedPower, last: moment.issued },
          this.random,
          false,
          this.options.vectors,
        ),
      );
    });
  }

  /** A power cut at `snapshot` with every planned choice of survivors. */
  private async powerCuts(snapshot: DeviceSnapshot, plans: number, allowed: Allowed, at: string, moment: Moment | null): Promise<void> {
    let plan = 0;
    for (const survival of survivals(snapshot, plans, this.random)) {
      if (this.isOver) return;
      const image = imageOf(snapshot, survival);
      const hash = hashOf(image);
      plan++;
      if (this.result.hashes.has(hash)) continue;
      this.result.hashes.add(hash);
      await this.guarded(`${at}, power cut, choice ${plan}`, async () => {
        const device = deviceFrom(image, { laterMs: this.random.int(2) * 61_000 });
        const roll = this.random.next();
        if (roll < 0.1) return this.recoverTwice(device, allowed);
        const deep = moment !== null && this.random.int(this.options.recoveriesPerDeep) === 0;
        const during: { snapshot: DeviceSnapshot; call: string }[] = [];
        const host = await this.recover(device, allowed, deep ? (frozen, call) => during.push({ snapshot: frozen, call }) : null);
        if (moment !== null && roll < 0.2) await this.goOn(device, host, moment, moment.ackedPower, `${at}, power cut, choice ${plan}`);
        if (!deep) return;
        this.result.deep++;
        for (const { snapshot: inner, call } of during)
          await this.powerCuts(
            inner,
            this.options.plansPerRecoveryCall,
            allowed,
            `${at}, power cut, choice ${plan}, then in recovery before ${call}`,
            null,
          );
      });
    }
  }

  async explore(): Promise<Exploration> {
    const { moments, history } = this.recording;
    // A stride that visits the workload evenly, so that a run cut short has seen all of it.
    const mine = moments.filter((_, index) => index % this.options.parts === this.options.part);
    for (const moment of shuffled(mine, this.random)) {
      if (this.isOver) break;
      const at = `seed ${this.options.seed}, call ${moment.call.index} (${moment.call.kind} ${moment.call.path} ${moment.call.at}+${moment.call.bytes})`;
      await this.powerCuts(
        moment.snapshot,
        this.options.plansPerMoment,
        { history, first: moment.ackedPower, last: moment.issued },
        at,
        moment,
      );
      if (this.isOver) break;
      await this.guarded(`${at}, killed`, async () => {
        this.result.kills++;
        const device = afterKill(moment.snapshot);
        const host = await this.recover(device, { history, first: moment.acked, last: moment.issued }, null);
        await this.goOn(device, host, moment, moment.acked, `${at}, killed`);
      });
    }
    return this.result;
  }
}

async function fingerprints(host: ShardHost): Promise<string> {
  const parts: string[] = [];
  for (const { shard, schema } of await host.shards())
    parts.push(
      `${shard}@${schema.version}: ${(await host.count(shard)).toString()} objects, sequence ${(await host.stats()).shards.find((stats) => stats.shard === shard)?.sequence}`,
    );
  return parts.sort().join('; ');
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const out = items.slice();
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

export const explore = (recording: Recording, options: ExploreOptions): Promise<Exploration> => new Explorer(recording, options).explore();
