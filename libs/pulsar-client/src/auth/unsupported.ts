import { PulsarError } from '../errors.ts';
import { Authentication, type Credentials } from './authentication.ts';

/** For programs written for the official client, which name these classes: they are told, not surprised. */
abstract class Unsupported extends Authentication {
  readonly method = 'none';

  protected constructor(name: string) {
    super();
    throw new PulsarError(
      'OperationNotSupported',
      `${name} is not supported by this client; there are AuthenticationToken (which takes a function that fetches tokens), ` +
        'AuthenticationTls and AuthenticationBasic',
    );
  }

  getCredentials(): Promise<Credentials> {
    return Promise.resolve({});
  }
}

export class AuthenticationAthenz extends Unsupported {
  /** @throws PulsarError `OperationNotSupported`, always */
  constructor(_params: unknown) {
    super('AuthenticationAthenz');
  }
}

export class AuthenticationOauth2 extends Unsupported {
  /** @throws PulsarError `OperationNotSupported`, always */
  constructor(_params: unknown) {
    super('AuthenticationOauth2');
  }
}
