import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import type { Reader, ReaderConfig } from './reader.ts';

export async function createReader(_core: ClientCore, config: ReaderConfig): Promise<Reader> {
  throw new PulsarError('OperationNotSupported', `reading ${config.topic}: lands within the half hour`);
}
