import type { RigOptions } from '../chaos/rig.ts';
import type { LoadFleet } from './load-fleet.ts';
import type { Gate, Measured } from './measure/gate.ts';
import type { Target } from './target.ts';

/** How large a run is. */
export interface Size {
  readonly clients: number;
  readonly channels: number;
  /** Publications a second over all channels. */
  readonly perSecond: number;
  /** How long the load stays, once it is there. */
  readonly seconds: number;
  /** What publications carry besides their number. */
  readonly padBytes: number;
}

export interface LoadContext {
  readonly size: Size;
  readonly target: Target;
  readonly fleet: LoadFleet;
  /** That share the load, this one included: what a scenario says of the cluster as a whole is for each a part of it. */
  readonly machines: number;
  /** Tells the user how far it is. */
  readonly progress: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly sizes: { readonly full: Size; readonly short: Size };
  readonly gates: readonly Gate[];
  /** Of the cluster that is started where no addresses are given. */
  readonly cluster?: Partial<RigOptions>;
  /**
   * How figures of several machines become one, beside `missing` and `generatorBusy`, where machines can run it together.
   * @default it is for one machine only
   */
  readonly together?: Readonly<Record<string, 'sum' | 'most'>>;
  /** Resolves with what the gates are held against. */
  run(context: LoadContext): Promise<Measured>;
}

/** Deliveries that are due while the load stays, less a third for a machine that is busy with something else. */
export function dueDeliveries({ clients, channels, perSecond, seconds }: Size): number {
  return Math.floor((2 / 3) * (clients / channels) * perSecond * seconds);
}
