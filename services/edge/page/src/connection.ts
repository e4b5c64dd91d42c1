import { formatElapsed } from './format.ts';

export type ConnectionState =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'connected' }
  /** The SDK tries again by itself, at growing intervals that it doesn't tell. */
  | {
      readonly phase: 'reconnecting';
      readonly sinceMs: number;
      readonly reason: string;
      readonly everConnected: boolean;
    }
  /** Final: the SDK tries no more. */
  | { readonly phase: 'disconnected'; readonly code: number; readonly reason: string };

export interface ConnectionText {
  /** One or two words for the state's chip. */
  readonly label: string;
  /** A sentence for the banner; absent while all is well. */
  readonly detail?: string;
  /** What a button offers to do about it. */
  readonly action?: string;
}

export function describeConnection(state: ConnectionState, nowMs: number): ConnectionText {
  if (state.phase === 'connecting') return { label: 'Connecting…' };
  if (state.phase === 'connected') return { label: 'Connected' };
  if (state.phase === 'reconnecting') {
    const lost = state.everConnected ? 'Connection lost' : 'The server can’t be reached';
    const reason = state.reason === '' || !state.everConnected ? '' : ` (${state.reason})`;
    const elapsed = formatElapsed(nowMs - state.sinceMs);
    return { label: 'Reconnecting…', detail: `${lost}${reason}. Trying again for ${elapsed}.`, action: 'Try now' };
  }
  const why = state.reason === '' ? '' : `: ${state.reason}`;
  return {
    label: 'Disconnected',
    detail: `The connection has ended${why} (code ${state.code}).`,
    action: 'Connect again',
  };
}
