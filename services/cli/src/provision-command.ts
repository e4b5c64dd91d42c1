import type { Command } from './command.ts';
import type { ParsedOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

export const provisionCommand: Command = {
  name: 'provision',
  usage: '[options]',
  summary: 'makes the topics of a configuration on Pulsar, with their lanes and policies',
  details: `Makes what is missing of the logs of all namespaces, of the topics of joins and leaves, and of the control topics: lanes, epoch, deduplication,
retention, the policy of a backlog quota, no deletion while inactive; and for logs with history the subscription of the history
service, so that it misses nothing however late it starts; for commands.topic, with the section commands of the server API, the topic, its
subscription and the dead letter topic. What is there stays, but for policies that are less than Pharos needs; done
again it changes nothing. Services make the same themselves where they may: this is for those whose role may not, and to see it beforehand.
A dry run asks Pulsar for each of these, and for the broker's settings, and says what would be set and what is lacking.
Ends with status 1 where a topic can not be made or has no epoch, and with --strict where anything is lacking.`,
  options: [
    {
      flag: 'config',
      value: '<file>',
      help: "YAML file with an edge's settings, and commands (default: PHAROS_CONFIG, else none)",
    },
    { flag: 'dry-run', help: 'say what would be made and set, and change nothing' },
    { flag: 'strict', help: 'fail where Pulsar lacks something that Pharos needs' },
  ],
  run,
};

async function run(options: ParsedOptions, terminal: Terminal): Promise<number> {
  // Loaded when asked for: no other command is to wait for a server's code.
  const { provision } = await import('./provision.ts');
  return provision(options, terminal);
}
