import type { SharedPulsar } from '@pharos/testkit';

import type { Checked } from './delivery-check.ts';
import type { Spread } from './statistics.ts';

/** One measured figure: Pharos, its floor in the same run, and the ratio of each pair. */
export interface FigureResult {
  /** Figure and variant: `P1-json-pulsar-100`. */
  readonly id: string;
  /** What was measured, in words. */
  readonly what: string;
  readonly unit: string;
  readonly pharos: Spread;
  readonly floor: Spread;
  /** Of Pharos to the floor, pair by pair. */
  readonly ratio: Spread;
  readonly pairs: number;
  /** The median ratio to reach. */
  readonly reach: number;
  /** Whether a larger ratio is a better one. @default 'less' */
  readonly better?: 'less' | 'more';
  readonly checked: Checked;
  /**
   * More than 1 where publications that came close together were packed into frames: then Pharos made fewer writes than
   * the floor, and the ratio says so much about packing.
   */
  readonly publicationsPerFrame: { readonly pharos: number; readonly floor: number };
  /** Why the figure must not be believed. */
  readonly void?: string;
}

/** What could not be measured here, and why. */
export interface SkippedFigure {
  readonly id: string;
  readonly reason: string;
}

export interface FigureContext {
  /** Interleaved pairs of measurements. */
  readonly pairs: number;
  /** Smaller and shorter: to see that it works, not to be quoted. */
  readonly quick: boolean;
  /** Tells the user how far it is. */
  readonly progress: (line: string) => void;
  /** A broker for the run, or the reason why there is none. */
  readonly pulsar: () => Promise<SharedPulsar | string>;
}

export interface FigureOutcome {
  readonly results: readonly FigureResult[];
  readonly skipped: readonly SkippedFigure[];
}

/** A figure of performance.md, such as P1, in all its variants. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  measure(context: FigureContext): Promise<FigureOutcome>;
}
