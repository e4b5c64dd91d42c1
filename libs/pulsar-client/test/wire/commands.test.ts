import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader, ByteWriter } from '@pharos/bytes';
import fc from 'fast-check';
import { decodeBaseCommand, encodeBaseCommand } from '../../src/wire/index.ts';
import type { CommandName, KnownCommand } from '../../src/wire/index.ts';
import { fuzzRuns } from '../support/runs.ts';
import {
  commandField,
  commandNames,
  commandNumbers,
  commandType,
  decodeByProtobufjs,
  encodeByProtobufjs,
  messageType,
  messageValue,
  present,
} from './protocol.ts';

const baseType = messageType('BaseCommand');

function baseCommand(type: CommandName, command: unknown): KnownCommand {
  return { type, command } as KnownCommand;
}

function encode(base: KnownCommand): Buffer {
  const writer = new ByteWriter(8);
  encodeBaseCommand(writer, base);
  return writer.copy();
}

describe('every command', () => {
  for (const name of commandNames) {
    const values = messageValue(commandType(name));

    test(`${name}: the same bytes as protobufjs, read by each other`, () => {
      fc.assert(
        fc.property(values, (command) => {
          const base = { type: commandNumbers[name], [commandField(name).name]: command };
          const ours = encode(baseCommand(name, command));
          const theirs = encodeByProtobufjs(baseType, base);
          assert.deepEqual(ours.toString('hex'), theirs.toString('hex'));
          assert.deepEqual(decodeByProtobufjs(baseType, ours), base);
          assert.deepEqual(present(decodeBaseCommand(new ByteReader(theirs))), { type: name, command });
        }),
        fuzzRuns(50),
      );
    });
  }

  test("the table of the test is the proto's: as many commands as BaseCommand has fields", () => {
    assert.equal(commandNames.length, baseType.fieldsArray.length - 1);
  });
});

describe('a command from a newer or broken peer', () => {
  test('of an unknown type is told by its number', () => {
    assert.deepEqual(decodeBaseCommand(new ByteReader(Buffer.from('0840820400', 'hex'))), {
      type: 'unknown',
      number: 64,
    });
  });

  test('keeps an unknown enum value as a number', () => {
    const bytes = encodeByProtobufjs(baseType, { type: 14, error: { requestId: 1, error: 999, message: 'new' } });
    assert.deepEqual(decodeBaseCommand(new ByteReader(bytes)), {
      type: 'error',
      command: { requestId: 1, error: 999, message: 'new' },
    });
  });

  test('with its type behind its body is understood', () => {
    assert.deepEqual(present(decodeBaseCommand(new ByteReader(Buffer.from('92010008' + '12', 'hex')))), {
      type: 'ping',
      command: {},
    });
  });

  const refused: ReadonlyArray<[what: string, hex: string, code: string, message: RegExp]> = [
    ['nothing at all', '', 'missing_field', /BaseCommand\.type is absent/],
    ['no type', '920100', 'missing_field', /BaseCommand\.type is absent/],
    ['no body', '0812', 'missing_field', /lacks its field 18 \(ping\)/],
    ['a required field absent', '080b5a020801', 'missing_field', /CommandFlow\.messagePermits is absent/],
    ['a body longer than the command', '080b5a05080110', 'malformed', /needs 5 bytes, has 3/],
    ['a body that is a number', '080b5801', 'malformed', /wire type 0 of field 11, expected 2/],
    ['a varint without an end', '08ffffffffffffffffffff', 'malformed', /varint longer than 10 bytes/],
    ['field number 0', '0001', 'malformed', /field number 0/],
    ['a group', '130812', 'malformed', /wire type 3 of field 2/],
    ['an id of 2^53', '080b5a0b0880808080808080101001', 'malformed', /integer above 2\^53/],
  ];
  for (const [what, hex, code, message] of refused) {
    test(`with ${what} is refused`, () => {
      assert.throws(() => decodeBaseCommand(new ByteReader(Buffer.from(hex, 'hex'))), {
        name: 'WireError',
        code,
        message,
      });
    });
  }
});
