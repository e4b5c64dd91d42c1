import type { TestContext } from 'node:test';
import { Connection } from '../../src/connection/connection.ts';
import type { CommandMap, KnownCommand } from '../../src/wire/index.ts';

/** A request that a client wrote, and where. */
export interface Question {
  readonly connection: Connection;
  readonly type: KnownCommand['type'];
  readonly command: KnownCommand['command'];
  /** `undefined` until it comes, and for ever where it is an error. */
  answer: unknown;
}

/** A lookup and its answer. */
export interface AskedLookup {
  readonly url: string;
  readonly authoritative: boolean;
  readonly answer: CommandMap['lookupResponse'] | undefined;
}

/** Every request of this process's clients, while a test runs: real servers can't be asked what they were asked. */
export class Asked {
  readonly questions: Question[] = [];

  static watch(t: TestContext): Asked {
    const asked = new Asked();
    type Request = Connection['request'];
    const request: Request = Reflect.get(Connection.prototype, 'request');
    const watched = function (this: Connection, ...[expected, what, build]: Parameters<Request>): ReturnType<Request> {
      let question: Question | undefined;
      const answer = request.call(this, expected, what, (requestId) => {
        const { type, command } = build(requestId);
        question = { connection: this, type, command, answer: undefined };
        asked.questions.push(question);
        return { type, command } as KnownCommand;
      });
      answer.then(
        (value) => question !== undefined && (question.answer = value),
        () => undefined,
      );
      return answer;
    };
    t.mock.method(Connection.prototype, 'request', watched);
    return asked;
  }

  /** Forgets what was asked until now. */
  clear(): void {
    this.questions.length = 0;
  }

  lookups(topic: string): AskedLookup[] {
    return this.#of('lookup', topic).map(({ connection, command, answer }) => ({
      url: connection.url,
      authoritative: (command as CommandMap['lookup']).authoritative ?? false,
      answer: answer as CommandMap['lookupResponse'] | undefined,
    }));
  }

  /** Attempts to make producers and consumers of the topic. */
  attempts(topic: string): Question[] {
    return [...this.#of('producer', topic), ...this.#of('subscribe', topic)];
  }

  /** Those that the broker granted. */
  attached(topic: string): Question[] {
    return this.attempts(topic).filter(({ answer }) => answer !== undefined);
  }

  #of(type: 'lookup' | 'producer' | 'subscribe', topic: string): Question[] {
    return this.questions.filter(
      (question) => question.type === type && (question.command as CommandMap[typeof type]).topic === topic,
    );
  }
}
