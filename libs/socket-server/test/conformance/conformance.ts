import { describe } from 'node:test';
import { closingConformance } from './closing.ts';
import { compressionConformance } from './compression.ts';
import { framingConformance } from './framing.ts';
import type { MakeServer } from './harness.ts';
import { httpConformance } from './http.ts';
import { listeningConformance } from './listening.ts';
import { messagesConformance } from './messages.ts';
import { slowReadersConformance } from './slow-readers.ts';
import { streamingConformance } from './streaming.ts';
import { tlsConformance } from './tls.ts';
import { topicsConformance } from './topics.ts';
import { upgradeConformance } from './upgrade.ts';

/** What holds of connections and their messages, whatever carries them. */
export function connectionConformance(make: MakeServer): void {
  describe('messages', () => messagesConformance(make));
  describe('topics', () => topicsConformance(make));
  describe('closing', () => closingConformance(make));
}

/** What every adapter of the socket-server port has to pass. */
export function socketServerConformance(make: MakeServer): void {
  describe('upgrade', () => upgradeConformance(make));
  connectionConformance(make);
  describe('framing', () => framingConformance(make));
  describe('slow readers', () => slowReadersConformance(make));
  describe('compression', () => compressionConformance(make));
  describe('TLS', () => tlsConformance(make));
  describe('HTTP', () => httpConformance(make));
  describe('HTTP streaming', () => streamingConformance(make));
  describe('listening', () => listeningConformance(make));
  // Mostly waiting, so all at once.
}
