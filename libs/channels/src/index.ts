export { defaultNamespace, isChannelName, isForUser, isPrivate, namespaceName } from './channel-name.ts';
export {
  clientInfoOf,
  decodeLifecycleEvent,
  encodeLifecycleEvent,
  type LifecycleEvent,
  lifecycleTopic,
  leaveEvent,
  memberInfo,
} from './lifecycle/event.ts';
export { LifecyclePublisher, type LifecyclePublisherOptions, type Publishing } from './lifecycle/publisher.ts';
export { LivingLog } from './living-log.ts';
export { holdsFormat, keepsHistory, mayBeCalled, type Namespace, Namespaces } from './namespaces.ts';
export { openNamespaces, type OpenNamespacesOptions } from './open-namespaces.ts';
export { keepingLogs } from './reload.ts';
export {
  type ChannelConfig,
  type ChannelPreset,
  channelSection,
  leaseDuration,
  type NamespaceConfig,
} from './options.ts';
