import { PharosError, type PharosErrorOptions } from '@pharos/errors';

/** Why the application's backend gave no answer that can be used. Clients are told error 100, whichever it is. */
export const proxyErrors = {
  'queue-full': {
    retryable: true,
    description:
      'As many requests as may be wait for this proxy already (max_queue): the backend is too slow for them.',
  },
  timeout: {
    retryable: true,
    description: 'The backend did not answer within the timeout, time in the queue included.',
  },
  unreachable: { retryable: true, description: 'No connection to the backend could be made; nothing was sent to it.' },
  broken: {
    retryable: true,
    description: 'The connection to the backend ended before its answer was whole; whether it acted is unknown.',
  },
  status: {
    retryable: true,
    description: 'The backend answered with an HTTP status that is not 200; redirects among them.',
  },
  'too-large': { retryable: false, description: "The backend's answer is larger than max_response_size." },
  invalid: { retryable: false, description: "The backend's answer is not as the protocol of proxies has it." },
  'not-json': {
    retryable: false,
    description:
      'The client sent bytes that are no JSON, and the proxy has no binary_encoding; clients are told error 107.',
  },
  stopped: { retryable: true, description: 'This process is stopping.' },
} as const;

export type ProxyErrorCode = keyof typeof proxyErrors;

export interface ProxyErrorOptions extends PharosErrorOptions {
  /** Of `status`: the HTTP status. */
  readonly status?: number;
}

/** What asking the backend throws; `code` is one of {@link proxyErrors}. */
export class ProxyError extends PharosError<ProxyErrorCode> {
  readonly status: number | undefined;

  constructor(code: ProxyErrorCode, message: string, options: ProxyErrorOptions = {}) {
    super(proxyErrors, code, message, options);
    this.status = options.status;
  }
}
