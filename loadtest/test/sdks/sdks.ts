import { fileURLToPath } from 'node:url';
import { goBinary, JsonWorker, startJavaWorker, startPythonWorker, unavailable } from '@pharos/testkit';

import { javaScriptDriver } from './javascript.ts';
import type { Sdk } from './sdk.ts';

/** The official SDKs that are tested, each with all that it can speak. */
export const sdks: readonly Sdk[] = [
  {
    name: 'JavaScript',
    skip: false,
    wires: [
      { transport: 'websocket', encoding: 'json' },
      { transport: 'websocket', encoding: 'protobuf' },
      { transport: 'http_stream', encoding: 'json' },
      { transport: 'http_stream', encoding: 'protobuf' },
      { transport: 'sse', encoding: 'json' },
    ],
    start: () => Promise.resolve(javaScriptDriver()),
  },
  {
    name: 'Python',
    skip: unavailable('python'),
    wires: [
      { transport: 'websocket', encoding: 'json' },
      { transport: 'websocket', encoding: 'protobuf' },
    ],
    start: () => startPythonWorker(fileURLToPath(new URL('python/sdk_worker.py', import.meta.url)), 'centrifuge'),
  },
  {
    name: 'Java',
    skip: unavailable('jdk'),
    wires: [{ transport: 'websocket', encoding: 'protobuf' }],
    start: () =>
      startJavaWorker(fileURLToPath(new URL('java/', import.meta.url)), 'SdkWorker', {
        java: ['-Xmx256m'],
        libraries: 'centrifuge',
      }),
  },
  {
    name: 'Go',
    skip: unavailable('go'),
    wires: [
      { transport: 'websocket', encoding: 'json' },
      { transport: 'websocket', encoding: 'protobuf' },
    ],
    start: async () =>
      JsonWorker.start('the Go worker', await goBinary(fileURLToPath(new URL('go/', import.meta.url))), []),
  },
];
