import type { EndSpan, Tracing } from '@pharos/telemetry';

import type { LiveChannel } from './live-channel.ts';
import type { PublicationView } from './publication-view.ts';

/** Spans that are open between two flushes: against a burst that is all sampled. */
const maxOpen = 256;

/** Spans of publications on their way to the sockets, of those whose publishers are traced. */
export class DeliveryTrace {
  readonly #tracing: Tracing;
  #open: EndSpan[] = [];

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  took(channel: LiveChannel, publication: PublicationView): void {
    if (this.#open.length >= maxOpen) return;
    const end = this.#tracing.consume('deliver', publication.traceContext, () => ({
      'pharos.channel': channel.name,
      'pharos.offset': publication.offset,
      'pharos.subscribers': channel.subscriptions.size,
    }));
    if (end !== undefined) this.#open.push(end);
  }

  /** All that was taken is with the sockets. */
  flushed(): void {
    if (this.#open.length === 0) return;
    const open = this.#open;
    this.#open = [];
    for (const end of open) end();
  }
}
