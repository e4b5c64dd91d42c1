import { badRequest } from '../api-error.ts';
import { Params } from '../params.ts';

/** A command as it lies on a topic. */
export interface TopicCommand {
  readonly method: string;
  /** A JSON object. */
  readonly request: Buffer;
}

/**
 * `{"method": …, "params": {…}}`; `payload` in place of `params`, and either as a text that holds the object, as Centrifugo's
 * consumers take it. @throws ApiError
 */
export function decodeCommand(data: Buffer): TopicCommand {
  const fields = new Params(data, {
    method: { type: 'string', required: true, description: '' },
    params: { type: 'json', description: '' },
    payload: { type: 'json', description: '' },
  });
  const method = fields.string('method');
  if (method === '') throw badRequest('method: it is empty');
  const [params, payload] = [fields.json('params'), fields.json('payload')];
  if (params !== undefined && payload !== undefined) throw badRequest('expected either params or payload');
  return { method, request: objectOf(params ?? payload ?? Buffer.from('{}')) };
}

function objectOf(json: Uint8Array): Buffer {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  return bytes[0] === '"'.charCodeAt(0) ? Buffer.from(JSON.parse(bytes.toString()) as string) : bytes;
}
