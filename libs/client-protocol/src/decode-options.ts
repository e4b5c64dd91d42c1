export interface DecodeOptions {
  /**
   * Commands in one frame at most. SDKs send all their subscriptions in one frame after a reconnect.
   * @default 512
   */
  readonly maxCommands?: number;
}

export const defaultMaxCommands: number = 512;
