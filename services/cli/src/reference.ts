import { apiConfigSchema, describeApiMetrics } from '@pharos/api-service';
import { busErrors } from '@pharos/bus';
import { disconnectCodes, errorCodes, protocolErrors, unsubscribeCodes } from '@pharos/client-protocol';
import { configErrorTable, describeConfig, type SettingDescription } from '@pharos/config';
import { describeEdgeMetrics, edgeConfigSchema, edgePreset } from '@pharos/edge';
import type { ErrorTable } from '@pharos/errors';
import { historyErrors } from '@pharos/history';
import { describeHistoryMetrics, historyConfigSchema } from '@pharos/history-service';
import { adminErrors, pulsarErrors } from '@pharos/pulsar-client';
import { presenceErrors } from '@pharos/presence';
import { describePresenceMetrics, presenceConfigSchema } from '@pharos/presence-service';
import { proxyErrors } from '@pharos/proxies';
import { redisErrors } from '@pharos/redis';
import { describeConnectionMetrics, describeProcessMetrics } from '@pharos/service';
import { socketServerErrors } from '@pharos/socket-server';
import { tokenErrors } from '@pharos/tokens';
import { standaloneConfigSchema } from '@pharos/standalone';
import { describeRuntimeMetrics, type MetricDescription, telemetryErrorTable } from '@pharos/telemetry';
import { cliErrorTable } from './errors.ts';

const generated = (command: string): string =>
  `<!-- Made by \`npx pharos reference ${command}\`; a test holds it up to date. -->`;

/** Every option of the services, as Markdown, from the schemas themselves. */
export function configurationReference(): string {
  const standalone = new Map(describeConfig(standaloneConfigSchema()).map((setting) => [setting.path, setting]));
  const edge = describeConfig(edgeConfigSchema(edgePreset));
  const rows = edge.map((setting) => [
    code(setting.path),
    setting.env === undefined ? '' : code(setting.env),
    setting.type,
    defaultOf(setting),
    defaultOf(standalone.get(setting.path)),
    setting.description,
  ]);
  return `# Configuration

${generated('config')}

A YAML file (\`--config FILE\`, or \`PHAROS_CONFIG\`) and environment variables, which win over the file. Every mistake is named with its place,
and all of them at once; an option that isn't known is a mistake. What is or holds a secret (keys, passwords, tokens) can be in a file instead, such as a mounted
Kubernetes Secret: its variable with \`_FILE\` after it names the file (\`PHAROS_REDIS_PASSWORD_FILE\`). \`pharos serve edge\` is closed until it is configured; \`npm start\`
(\`pharos serve standalone\`) is open, on loopback.

${table(['option', 'variable', 'value', 'default (edge)', 'default (npm start)', 'meaning'], rows)}

## The service history
\`pharos serve history\` takes \`name\`, \`internal\`, \`log_level\`, \`pulsar\`, \`redis\` and \`channel\` as an edge does, and is to be given the same. Its own, and what has
another default:

${serviceOptions(edge, describeConfig(historyConfigSchema()))}

## The service presence
\`pharos serve presence\` takes \`name\`, \`internal\`, \`log_level\`, \`pulsar\`, \`redis\`, \`presence.lease\` and \`channel\` as an edge does, and is to be given the
same. Its own, and what has another default:

${serviceOptions(edge, describeConfig(presenceConfigSchema()))}

## The service api
\`pharos serve api\` takes \`name\`, \`internal\`, \`log_level\`, \`socket\`, \`pulsar\`, \`redis\` and \`channel\` as an edge does, and is to be given the same. Its own,
and what has another default; \`npm start\` takes \`http_api\` too, and has the API at \`/api\` of the port that clients use once there is a key:

${serviceOptions(edge, describeConfig(apiConfigSchema()))}
`;
}

/** What differs from the options of an edge. */
function serviceOptions(edge: readonly SettingDescription[], service: readonly SettingDescription[]): string {
  const known = new Map(edge.map((setting) => [setting.path, defaultOf(setting)]));
  const rows = service
    .filter((setting) => known.get(setting.path) !== defaultOf(setting))
    .map((setting) => [
      code(setting.path),
      setting.env === undefined ? '' : code(setting.env),
      setting.type,
      defaultOf(setting),
      setting.description,
    ]);
  return table(['option', 'variable', 'value', 'default', 'meaning'], rows);
}

/** Every code that a client or an operator can meet, as Markdown, from the tables that the code throws by. */
export function errorReference(): string {
  const yes = (value: boolean): string => (value ? 'yes' : '');
  return `# Errors and close codes

${generated('errors')}

## Error codes of replies
${table(
  ['code', 'message', 'try again', 'meaning'],
  Object.values(errorCodes).map((entry) => [
    String(entry.code),
    entry.message,
    yes(entry.temporary),
    entry.description,
  ]),
)}

## Unsubscribe codes
${table(
  ['code', 'reason', 'client resubscribes', 'meaning'],
  Object.values(unsubscribeCodes).map((entry) => [
    String(entry.code),
    entry.reason,
    yes(entry.resubscribe),
    entry.description,
  ]),
)}

## Close codes
Plain-text chat clients are closed with the WebSocket protocol's own codes: 1001 shutdown, 1003 not a text message, 1013 try again later (the message could
not be published, or messages were lost), and 3008 slow.

${table(
  ['code', 'reason', 'client reconnects', 'meaning'],
  Object.values(disconnectCodes).map((entry) => [
    String(entry.code),
    entry.reason,
    yes(entry.reconnect),
    entry.description,
  ]),
)}

${errorTables.map(([title, errors]) => `## ${title}\n${errorRows(errors)}`).join('\n\n')}
`;
}

/** Every metric of the services, as Markdown. */
export function metricReference(): string {
  return `# Metrics

${generated('metrics')}

Served at \`/metrics\` of the internal port.

## Edge
${metricTable(describeEdgeMetrics())}

## History
${metricTable(describeHistoryMetrics())}

## Presence
${metricTable(describePresenceMetrics())}

## Server API
${metricTable(describeApiMetrics())}

## Every process
${metricTable(describeProcessMetrics())}

And what the runtime measures of itself, under the names that Prometheus's Node client gives it. Event-loop lag is sampled every 0.1 s, which each of its values
but \`nodejs_eventloop_lag_seconds\` contains: 0.1 is an idle loop.

${metricTable(describeRuntimeMetrics())}

## Connections to Pulsar and Redis
Of each process that has them:

${metricTable(describeConnectionMetrics())}
`;
}

function metricTable(metrics: readonly MetricDescription[]): string {
  const rows = metrics.map((metric) => [
    code(metric.name),
    metric.type,
    metric.labels.map(code).join(', '),
    metric.help,
  ]);
  return table(['name', 'type', 'labels', 'meaning'], rows);
}

const errorTables: readonly (readonly [string, ErrorTable])[] = [
  ['Command line', cliErrorTable],
  ['Configuration', configErrorTable],
  ['Bus', busErrors],
  ['Pulsar client', pulsarErrors],
  ['Pulsar admin API', adminErrors],
  ['Redis', redisErrors],
  ['History store', historyErrors],
  ['Presence store', presenceErrors],
  ['Socket server', socketServerErrors],
  ['Tokens', tokenErrors],
  ["Proxies to the application's backend", proxyErrors],
  ['Client protocol (what a client did wrong)', protocolErrors],
  ['Telemetry', telemetryErrorTable],
];

function errorRows(errors: ErrorTable): string {
  const rows = Object.entries(errors).map(([name, info]) => [
    code(name),
    info.retryable ? 'yes' : '',
    info.description,
  ]);
  return table(['code', 'try again', 'meaning'], rows);
}

function defaultOf(setting: SettingDescription | undefined): string {
  if (setting === undefined) return '';
  if (setting.required) return 'required';
  return setting.default === undefined ? '' : code(setting.default);
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
