import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  disconnectCodes,
  errorCodes,
  protocolErrors,
  reconnectsAfter,
  unsubscribeCodes,
} from '@pharos/client-protocol';

const every = [...Object.values(errorCodes), ...Object.values(unsubscribeCodes), ...Object.values(disconnectCodes)];

test('the tables hold the codes of the protocol, each once', () => {
  const codes = every.map(({ code }) => code);
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);
  assert.deepEqual(codes, [
    ...range(100, 112),
    2000,
    2500,
    2501,
    3000,
    3001,
    3004,
    3005,
    3006,
    ...range(3008, 3014),
    ...range(3500, 3509),
  ]);
});

test('every code and error is described', () => {
  for (const entry of [...every, ...Object.values(protocolErrors)]) assert.match(entry.description, /^[A-Z].*\.$/);
});

test('texts are those of the official server', () => {
  assert.deepEqual(
    [errorCodes.internal.message, errorCodes.permissionDenied.message, errorCodes.alreadySubscribed.message],
    ['internal server error', 'permission denied', 'already subscribed'],
  );
  const reasons = [3001, 3004, 3008, 3012, 3501, 3502, 3503].map(
    (code) => Object.values(disconnectCodes).find((entry) => entry.code === code)?.reason,
  );
  assert.deepEqual(reasons, [
    'shutdown',
    'internal server error',
    'slow',
    'no pong',
    'bad request',
    'stale',
    'force disconnect',
  ]);
  for (const { reason } of Object.values(disconnectCodes)) assert.ok(Buffer.byteLength(reason) <= 123);
});

test('which codes bring a client back', () => {
  const back = [3000, 3499, 4000, 4499, 5000, 9999];
  const final = [3500, 3999, 4500, 4999];
  assert.deepEqual(back.filter(reconnectsAfter), back);
  assert.deepEqual(final.filter(reconnectsAfter), []);
  assert.equal(disconnectCodes.shutdown.reconnect, true);
  assert.equal(disconnectCodes.badRequest.reconnect, false);
  assert.equal(unsubscribeCodes.server.resubscribe, false);
  assert.equal(unsubscribeCodes.insufficientState.resubscribe, true);
});
