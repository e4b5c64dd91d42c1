import { MalformedBytes } from '@pharos/bytes';
import { ProtocolError } from '../errors.ts';
import type { EmulationRequest } from '../messages/emulation.ts';
import type { RawData } from '../messages/raw-data.ts';
import { MessageReader } from './message-reader.ts';

const nothing = Buffer.alloc(0);

/** node[1] session[2] data[3], without a length before it: it is all of a request's body. @throws ProtocolError */
export function decodeProtobufEmulationRequest(bytes: Buffer): EmulationRequest {
  let node = '';
  let session = '';
  let data: RawData = nothing;
  try {
    const message = MessageReader.of(bytes, 0, bytes.length);
    while (message.next()) {
      if (message.field === 1) node = message.string('node');
      else if (message.field === 2) session = message.string('session');
      else if (message.field === 3) data = message.raw('data') ?? nothing;
      else message.skip();
    }
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new ProtocolError('invalid-protobuf', `the request is not valid Protobuf: ${error.message}`);
  }
  return { node, session, data };
}
