import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PulsarError } from '../src/errors.ts';
import { formatTopicName, parseTopicName, partitionName } from '../src/topic-name.ts';

describe('topic names', () => {
  const full: readonly (readonly [string, string])[] = [
    ['chat', 'persistent://public/default/chat'],
    ['acme/web/chat', 'persistent://acme/web/chat'],
    ['persistent://acme/web/chat', 'persistent://acme/web/chat'],
    ['non-persistent://acme/web/chat', 'non-persistent://acme/web/chat'],
    ['chat room', 'persistent://public/default/chat room'],
  ];
  for (const [text, expected] of full) {
    test(`'${text}' is ${expected}`, () => {
      assert.equal(formatTopicName(parseTopicName(text)), expected);
    });
  }

  for (const text of ['', 'a/b', 'a/b/c/d', 'persistent://chat', 'persistent://a/b/', '/a/b', 'ftp://a/b/c']) {
    test(`'${text}' is none`, () => {
      assert.throws(
        () => parseTopicName(text),
        (error) =>
          error instanceof PulsarError && error.code === 'InvalidTopicName' && error.message.includes(`'${text}'`),
      );
    });
  }

  test('a partition is told from a topic', () => {
    const topic = parseTopicName('chat');
    assert.equal(topic.partition, -1);
    assert.equal(partitionName(topic, 3), 'persistent://public/default/chat-partition-3');
    assert.equal(parseTopicName(partitionName(topic, 3)).partition, 3);
    assert.equal(parseTopicName('chat-partition-x').partition, -1);
  });
});
