import { isUtf8 } from '@pharos/bytes';
import { ProtocolError } from '../errors.ts';
import type { ConnectRequest } from '../messages/connect.ts';
import type { EmulationRequest } from '../messages/emulation.ts';
import { parseObject } from './decode-commands.ts';
import { connectRequest } from './decode-requests.ts';
import { Fields } from './fields.ts';
import { skipSpace } from './scan.ts';

/** A connect request by itself, as unidirectional clients send it: without a command around it. Nothing and `null` are an empty one. @throws ProtocolError */
export function decodeConnectRequest(bytes: Buffer): ConnectRequest {
  return connectRequest(fieldsOf(isNothing(bytes) ? Buffer.from('{}') : bytes));
}

/** @throws ProtocolError */
export function decodeEmulationRequest(bytes: Buffer): EmulationRequest {
  const fields = fieldsOf(bytes);
  return {
    node: fields.string('node'),
    session: fields.string('session'),
    data: Buffer.from(fields.string('data'), 'utf8'),
  };
}

function fieldsOf(bytes: Buffer): Fields {
  if (!isUtf8(bytes)) throw new ProtocolError('invalid-utf8', 'the request is not valid UTF-8');
  return Fields.of(parseObject(bytes), bytes);
}

function isNothing(bytes: Buffer): boolean {
  return skipSpace(bytes, 0) === bytes.length || bytes.toString('latin1').trim() === 'null';
}
