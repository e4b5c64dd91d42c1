export { z } from 'zod';
export { changedSettings, isUnder } from './changes.ts';
export { describeConfig, type SettingDescription } from './describe.ts';
export type { Environment } from './environment.ts';
export { checkTree, type TreeProblem } from './check.ts';
export { ConfigError, type ConfigErrorCode, configErrorTable } from './errors.ts';
export {
  bytes,
  type BytesLimits,
  duration,
  type DurationLimits,
  listenAddress,
  hostsUrl,
  secret,
  url,
} from './kinds.ts';
export { loadConfig, type LoadConfigOptions } from './load.ts';
export { formatPath, isMap, type Path, valueAt } from './path.ts';
export {
  type PulsarAccessConfig,
  pulsarAccessFields,
  type PulsarAccessTexts,
  pulsarAccessTexts,
} from './pulsar-access.ts';
export { type RedisAccessConfig, redisSection } from './redis-access.ts';
export { withoutSecrets } from './schema.ts';
export { closest } from './suggest.ts';
export { certificateWithKey, type TlsConfig, tlsSection } from './tls.ts';
export { formatBytes, formatDuration, formatListenAddress, type ListenAddress } from './units.ts';
