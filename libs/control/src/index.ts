export { Follower, type FollowerOptions } from './follower.ts';
export { Inbox, type InboxOptions } from './inbox.ts';
export {
  type ConnectionCommand,
  type ControlMessage,
  decodeControl,
  decodeNode,
  decodeRevocation,
  type EdgeWord,
  encodeMessage,
  type NodeMessage,
  type Question,
  type Revocation,
  type Target,
  sessionDigest,
} from './message.ts';
export { maxRevocations, type RevocableToken, Revocations } from './revocations.ts';
export {
  type ControlConfig,
  type ControlLogs,
  controlSection,
  controlTopics,
  openControl,
  openInbox,
} from './topics.ts';
