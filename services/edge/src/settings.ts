import { BusError, type Bus } from '@pharos/bus';
import { type ChannelConfig, keepingLogs, type Namespace, Namespaces } from '@pharos/channels';

import type { EdgeConfig } from './config.ts';
import { sessionLimits } from './limits.ts';
import type { Hub } from './outbound/hub.ts';
import type { ChatContext, SessionLimits } from './session/context.ts';

/** New settings that are known to be good, and not in force yet. */
export interface PreparedSettings {
  readonly namespaces: Namespaces;
  /** What only a restart changes. */
  readonly kept: readonly string[];
  take(): void;
}

/** Those of an edge's settings that change while it runs, as sessions are to see them: the same for all, from one turn to the next. */
export class EdgeSettings {
  readonly #chat: EdgeConfig['chat'];
  #limits: SessionLimits;
  #channel: ChannelConfig;
  #namespaces: Namespaces | undefined;

  constructor(config: EdgeConfig) {
    this.#chat = config.chat;
    this.#limits = sessionLimits(config);
    this.#channel = config.channel;
  }

  get limits(): SessionLimits {
    return this.#limits;
  }

  /** Only after `opened`. */
  get namespaces(): Namespaces {
    if (this.#namespaces === undefined) throw new TypeError('the namespaces are not open yet');
    return this.#namespaces;
  }

  opened(namespaces: Namespaces): void {
    this.#namespaces = namespaces;
  }

  /** The plain-text chat's channel, where there is one. @throws BusError */
  chat(hub: Hub): ChatContext | undefined {
    const { enabled, channel } = this.#chat;
    if (!enabled) return undefined;
    const feed = hub.feedOf(this.#namespaceOfChat(this.namespaces).log, channel);
    feed.pin();
    const namespace = (): Namespace => this.#namespaceOfChat(this.namespaces);
    return {
      channel,
      get namespace(): Namespace {
        return namespace();
      },
      feed,
    };
  }

  /** @throws BusError where the new channels can't be */
  async prepare(next: EdgeConfig, bus: Bus, lifecycle: boolean): Promise<PreparedSettings> {
    const { channel, kept } = keepingLogs(this.#channel, next.channel);
    const { without_namespace: without, namespaces: named } = channel;
    const namespaces = await Namespaces.open(bus, without, named, { lifecycle, previous: this.#namespaces });
    try {
      if (this.#chat.enabled) this.#namespaceOfChat(namespaces);
    } catch (error) {
      await namespaces.discard();
      throw error;
    }
    return {
      namespaces,
      kept,
      take: (): void => {
        this.#channel = channel;
        this.#namespaces = namespaces;
        this.#limits = sessionLimits(next);
      },
    };
  }

  #namespaceOfChat(namespaces: Namespaces): Namespace {
    const { channel } = this.#chat;
    const namespace = namespaces.find(channel);
    if (namespace !== undefined) return namespace;
    throw new BusError('invalid-topic', `chat.channel ${channel}: its namespace is not configured`);
  }
}
