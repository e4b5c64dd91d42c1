export { LivingLog } from './living-log.ts';
export { defaultNamespace, isChannelName, keepsHistory, type Namespace, Namespaces } from './namespaces.ts';
export { type ChannelConfig, type ChannelPreset, channelSection, type NamespaceConfig } from './options.ts';
