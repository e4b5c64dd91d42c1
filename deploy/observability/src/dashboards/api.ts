import type { DashboardSpec } from '../frame.ts';
import { metric, quantile, quantiles, rate, share, sum } from '../promql.ts';
import { backendsRow } from './backends.ts';
import { processRow } from './processes.ts';

export const api: DashboardSpec = {
  uid: 'pharos-api',
  title: 'Pharos D: Server API',
  description: 'What applications ask of the server API, what they are answered, and what they are asked themselves.',
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Commands by method',
          description: 'Bad: a method that vanishes: an application that can not reach the API.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_api_requests_total'), 'method'), legend: '{{method}}' }],
        },
        {
          title: 'Answered with an error',
          description: 'By code. Bad: 100 (the log or the store); 103 and 107 are the caller’s.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_api_requests_total', 'code!="0"'), 'code'), legend: '{{code}}' }],
        },
        {
          title: 'Share that failed inside',
          description: 'Error 100 of all commands. Bad: beyond 1 %.',
          unit: 'percentunit',
          limits: { warn: 0.001, bad: 0.01 },
          queries: [
            {
              expr: share(sum(rate('pharos_api_requests_total', 'code="100"')), sum(rate('pharos_api_requests_total'))),
              legend: 'failed',
            },
          ],
        },
        {
          title: 'Time to answer, p99',
          description:
            'By method. Bad: publish beyond half a second: the broker; others: the store, or an edge that does not answer a survey.',
          unit: 's',
          limits: { warn: 0.25, bad: 0.5 },
          queries: [{ expr: quantile(0.99, 'pharos_api_request_seconds', 'method'), legend: '{{method}}' }],
        },
        {
          title: 'Refused before they were looked at',
          description: 'Bad: busy (more processes are needed); key (a wrong key, or somebody who tries).',
          unit: 'ops',
          limits: { warn: 0.1, bad: 10 },
          queries: [{ expr: sum(rate('pharos_api_refused_total'), 'reason'), legend: '{{reason}}' }],
        },
        {
          title: 'Requests under way',
          description: 'Bad: growing: answers are slower than questions.',
          unit: 'short',
          limits: { warn: 500, bad: 900 },
          queries: [{ expr: sum(metric('pharos_api_requests'), 'pod'), legend: '{{pod}}' }],
        },
      ],
    },
    {
      title: 'Publishing',
      panels: [
        {
          title: 'Idempotent publishes',
          description:
            'By what came of them. Bad: unknown: nobody can tell whether they were published, until they are asked again.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_api_idempotent_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Answered without an offset',
          description:
            'The log has them, but where was not found out in time. Bad: many: the lane is read too slowly here.',
          unit: 'ops',
          limits: { warn: 0.1, bad: 10 },
          queries: [{ expr: sum(rate('pharos_api_positions_unknown_total')), legend: 'publications' }],
        },
        {
          title: 'Lanes that are followed',
          description: 'To tell where publications lie. Bad: far more than publishes go to.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: sum(metric('pharos_api_lanes_attached'), 'pod'), legend: '{{pod}}' }],
        },
      ],
    },
    {
      title: 'Commands from the topic',
      panels: [
        {
          title: 'Commands from the topic by outcome',
          description:
            'Of commands.topic. Bad: dead_letter: they can not be done; retried for long: the log or the store.',
          unit: 'ops',
          limits: 'none',
          queries: [{ expr: sum(rate('pharos_api_commands_total'), 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Commands from the topic under way',
          description:
            'Worked on, or waiting for one of the same key. Bad: growing: they come faster than they are done.',
          unit: 'short',
          limits: 'none',
          queries: [{ expr: sum(metric('pharos_api_commands'), 'pod'), legend: '{{pod}}' }],
        },
        {
          title: 'Commands from the topic, time to done',
          description: 'From their publishing. Bad: p99 beyond seconds: a backlog, or commands that are tried again.',
          unit: 's',
          limits: { warn: 1, bad: 5 },
          queries: quantiles([0.5, 0.99], 'pharos_api_command_seconds'),
        },
      ],
    },
    backendsRow,
    processRow('pharos_api_requests'),
  ],
};
