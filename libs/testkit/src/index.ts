export { TestkitError, testkitErrors } from './errors.ts';
export type { TestkitErrorCode } from './errors.ts';
export { freePort, isFree } from './free-port.ts';
export { PulsarServer, startPulsar } from './pulsar/server.ts';
export type { PulsarOptions } from './pulsar/server.ts';
export { sharedPulsar, uniqueTopic } from './pulsar/shared.ts';
export type { SharedPulsar } from './pulsar/shared.ts';
export type { ExitStatus } from './process/managed-child.ts';
