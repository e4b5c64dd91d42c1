import type { ClusterOptions } from './cluster.ts';

/** What a scenario is given. */
export interface ScenarioContext {
  /** How often each fault comes. */
  readonly rounds: number;
  /** Clients, where the scenario asks for a number. */
  readonly clients: number;
  /** Tells the user how far it is. */
  readonly progress: (line: string) => void;
}

/** Figures of a scenario, for people and for the document. */
export type ScenarioFigures = Readonly<Record<string, number | string>>;

/** Something that is done to a cluster of processes while the checker looks on. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** @default of what the command line doesn't say */
  readonly defaults: { readonly rounds: number; readonly clients: number };
  /** Resolves when the checker is content. @throws Error with the faults that it found */
  run(context: ScenarioContext): Promise<ScenarioFigures>;
}

/** Clients of both makes in sixteen channels, twenty publications a second in each. */
export function loadOf(clients: number): ClusterOptions['fleet'] {
  const sdkClients = Math.ceil(clients / 4);
  return { channels: 16, sdkClients, rawClients: clients - sdkClients, perSecond: 20 };
}
