import fc from 'fast-check';

/** What may happen to a lane and its writer. */
export type Step =
  | { readonly do: 'publish'; readonly messages: readonly NewMessage[] }
  /** The writer appends what comes next, preceded by some that it has appended already. */
  | { readonly do: 'write'; readonly count: number; readonly overlap: number }
  /** A writer that has been away appends from where it stood. */
  | { readonly do: 'stale'; readonly back: number; readonly count: number }
  /** The log forgets its oldest messages. */
  | { readonly do: 'retain'; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'tidy' }
  | { readonly do: 'snapshot' }
  /** A fail-over to what was there at the last snapshot. */
  | { readonly do: 'rollBack' }
  | { readonly do: 'flush' };

export interface NewMessage {
  readonly channel: number;
  /** Offsets that the broker uses up for itself before it. */
  readonly gap: number;
  readonly kind: 'publication' | 'remove';
}

const message = fc.record<NewMessage>({
  channel: fc.constantFrom(0, 0, 0, 1, 2),
  gap: fc.nat({ max: 3 }),
  kind: fc.constantFrom('publication', 'publication', 'publication', 'publication', 'remove'),
});

const publish = fc.record({
  do: fc.constant('publish' as const),
  messages: fc.array(message, { minLength: 1, maxLength: 12 }),
});
const write = fc.record({
  do: fc.constant('write' as const),
  count: fc.integer({ min: 1, max: 12 }),
  overlap: fc.nat(2),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: publish },
    { weight: 8, arbitrary: write },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stale' as const), back: fc.nat(5), count: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('retain' as const), count: fc.nat(12) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 9_000, 30_000, 120_000) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'tidy' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'snapshot' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'rollBack' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'flush' as const }) },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);
