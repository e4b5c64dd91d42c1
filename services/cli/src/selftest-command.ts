import type { Command } from './command.ts';
import { positiveNumber, type ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

export const selftestCommand: Command = {
  name: 'selftest',
  usage: '[options]',
  summary: 'connects to a running Pharos as a client does, publishes, receives, and resumes after a lost connection',
  details: `Ends with status 0 where all of it worked, else with 1 and the step that didn't. What is published is small and stays in the
channel's history as any other publication.
Signs its tokens with client.token.hmac_secret_key where the settings have it; else it connects without a token. Publishes through the
server API where --api-url is given, with a key of http_api, else over its connection.`,
  options: [
    { flag: 'config', value: '<file>', help: 'YAML file with the settings (default: PHAROS_CONFIG, else none)' },
    {
      flag: 'url',
      value: '<url>',
      help: 'where clients connect',
      fallback: 'ws://127.0.0.1:9001/connection/websocket',
    },
    { flag: 'api-url', value: '<url>', help: 'the server API, such as http://127.0.0.1:9003/api' },
    { flag: 'channel', value: '<channel>', help: 'the channel to use', fallback: 'selftest' },
    { flag: 'user', value: '<user>', help: 'who the token is for', fallback: 'selftest' },
    { flag: 'timeout', value: '<seconds>', help: 'for each step', fallback: '15' },
    { flag: 'insecure', help: 'take any certificate' },
  ],
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  const timeoutSeconds = positiveNumber(options, 'timeout') ?? 15;
  // Loaded when asked for: no other command is to wait for it.
  const { selfTest } = await import('./selftest.ts');
  await selfTest(options, terminal, timeoutSeconds * 1_000);
  return 0;
}
