import { classifyPayload, errorCodes } from '@pharos/client-protocol';
import { noClient } from '@pharos/proxies';

import { ApiError, badRequest, notAvailable } from '../api-error.ts';
import type { Method } from './method.ts';

/** As what the backend is asked: nobody's connection is behind it. */
const serverApi = { ...noClient, transportName: 'http_api' };

export const rpc: Method = {
  name: 'rpc',
  scope: 'admin',
  summary: "A method of the application, answered by its backend as for clients' rpc; client and user are empty.",
  fields: {
    method: { type: 'string', required: true, description: 'The method: `name` or `namespace:name`.' },
    params: { type: 'json', description: 'What it is called with: any JSON.' },
  },
  result: { type: 'object', additionalProperties: false, properties: { data: { description: 'Any JSON.' } } },
  async run(params, { proxies }) {
    const method = params.string('method');
    if (method === '') throw badRequest('method: it is empty');
    const route = proxies.rpcRoute(method);
    if (route === 'unknown')
      throw new ApiError(errorCodes.methodNotFound, 'its namespace is not configured (rpc.namespaces)');
    if (route === 'off') throw notAvailable('its namespace has no proxy (rpc, proxy_enabled)');
    if (route === 'ping') return '{}';
    const answer = await proxies.rpc(route, serverApi, method, params.json('params'));
    if ('error' in answer) throw new ApiError(answer.error);
    if ('disconnect' in answer) throw notAvailable('the backend wants to disconnect, and there is no client');
    const data = answer.result?.data;
    if (data === undefined) return '{}';
    return `{"data":${Buffer.from(classifyPayload(Buffer.from(data)).json).toString()}}`;
  },
};
