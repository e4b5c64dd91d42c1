import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  describeOptions,
  oneOf,
  type OptionSpec,
  parseOptions,
  positiveInteger,
  positiveNumber,
  required,
} from '../src/options.ts';

const SPECS: readonly OptionSpec[] = [
  { flag: 'topic', value: '<topic>', help: 'the topic', fallback: 'chat' },
  { flag: 'rate', value: '<n>', help: 'the rate' },
  { flag: 'json', help: 'as JSON' },
];
const parse = (...args: string[]): ReturnType<typeof parseOptions> => parseOptions(SPECS, args);

describe('options', () => {
  test('values, switches, fallbacks and help', () => {
    const options = parse('--rate=5', '--json', '-h');
    assert.equal(options.text('topic'), 'chat');
    assert.equal(options.text('rate'), '5');
    assert.equal(options.isSet('json'), true);
    assert.equal(options.help, true);
    assert.equal(parse().isSet('json'), false);
    assert.equal(parse().text('rate'), undefined);
    assert.equal(parse('--topic', 'a', '--topic', 'b').text('topic'), 'b');
    assert.equal(parse('--topic=--json').text('topic'), '--json');
    assert.equal(parse('--topic', '-1', '--json').text('topic'), '-1');
  });

  for (const [args, message] of [
    [['--topc', 'x'], 'there is no option --topc; did you mean --topic?'],
    [['--zzzzzz=1'], 'there is no option --zzzzzz'],
    [['-x'], 'there is no option -x'],
    [['--topic'], /--topic/],
    [['--topic', '--json'], /--topic/],
    [['--json=1'], /--json/],
    [['extra'], "'extra' is not expected here"],
    [['--', '--json'], "'--json' is not expected here"],
  ] as const) {
    test(`${args.join(' ')} is refused`, () => {
      assert.throws(() => parse(...args), { code: 'usage', message });
    });
  }

  test('numbers and choices are checked', () => {
    assert.equal(positiveNumber(parse('--rate', '0.5'), 'rate'), 0.5);
    assert.equal(positiveNumber(parse(), 'rate'), undefined);
    for (const text of ['0', '=-1', 'x', '1e3', '', 'Infinity', '1.5.5']) {
      const options = parse(text.startsWith('=') ? `--rate${text}` : `--rate=${text}`);
      assert.throws(() => positiveNumber(options, 'rate'), {
        code: 'usage',
        message: /--rate is '.*', expected a number/,
      });
    }
    assert.throws(() => positiveInteger(parse('--rate', '1.5'), 'rate'), { message: /whole number/ });
    assert.equal(oneOf(parse('--topic', 'b'), 'topic', ['a', 'b']), 'b');
    assert.throws(() => oneOf(parse(), 'topic', ['a', 'b']), { message: "--topic is 'chat', expected a, b" });
    assert.throws(() => required(parse('--topic='), 'topic'), { message: '--topic is empty, expected a value' });
  });

  test('the help lines up and shows the fallbacks', () => {
    assert.equal(
      describeOptions(SPECS),
      [
        '  --topic <topic>  the topic (default: chat)',
        '  --rate <n>       the rate',
        '  --json           as JSON',
        '  --help           show this and exit',
      ].join('\n'),
    );
  });
});
