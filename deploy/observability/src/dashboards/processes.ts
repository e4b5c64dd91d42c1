import type { RowSpec } from '../frame.ts';
import { metric, rate } from '../promql.ts';

/** Event loop, memory and descriptors. @param mark a metric that only those processes have */
export function processRow(mark: string): RowSpec {
  const of = (expression: string): string => `${expression} and on (job, instance) ${metric(mark)}`;
  const resident = metric('process_resident_memory_bytes');
  return {
    title: 'Processes',
    panels: [
      {
        title: 'Event loop in use',
        description:
          'Share of one core that the event loop works. Bad: beyond 80 %: everything waits. More processes, not larger ones.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.85 },
        max: 1,
        queries: [{ expr: of(rate('pharos_process_event_loop_active_seconds_total')), legend: '{{pod}}' }],
      },
      {
        title: 'Event-loop lag, p99',
        description:
          'How long a turn of the event loop keeps others waiting (less the 0.1 s of sampling). Bad: beyond 100 ms: pings and deliveries are late.',
        unit: 's',
        limits: { warn: 0.05, bad: 0.1 },
        queries: [{ expr: of(`clamp_min(${metric('nodejs_eventloop_lag_p99_seconds')} - 0.1, 0)`), legend: '{{pod}}' }],
      },
      {
        title: 'Garbage collection',
        description:
          'Share of the time it takes. Bad: beyond 10 %: the heap is near its limit, or messages are very many.',
        unit: 'percentunit',
        limits: { warn: 0.05, bad: 0.1 },
        queries: [
          {
            expr: of(`sum by (job, instance, pod) (${rate('nodejs_gc_duration_seconds_sum')})`),
            legend: '{{pod}}',
          },
        ],
      },
      {
        title: 'Heap against its limit',
        description:
          'Bad: beyond 85 %: at the limit the process ends. Memory of sockets and buffers is outside the heap.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.85 },
        max: 1,
        queries: [
          {
            expr: of(`${metric('nodejs_heap_size_used_bytes')} / ${metric('pharos_process_heap_limit_bytes')}`),
            legend: '{{pod}}',
          },
        ],
      },
      {
        title: 'Memory of the process',
        description: 'Resident. Bad: a slope that does not level off.',
        unit: 'bytes',
        limits: 'none',
        queries: [{ expr: of(resident), legend: '{{pod}}' }],
      },
      {
        title: 'Memory against its limit',
        description:
          'Heap, buffers and all else, of what the container may use; 0 where it has no limit. Bad: beyond 85 %: at the limit the kernel ends the process, and what it holds for sockets counts there too.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.85 },
        max: 1,
        queries: [
          {
            expr: of(`(${resident} / (${metric('pharos_process_memory_limit_bytes')} > 0) or 0 * ${resident})`),
            legend: '{{pod}}',
          },
        ],
      },
      {
        title: 'Descriptors in use',
        description:
          'Of what the process may open. Bad: beyond 80 %: connections will be refused; raise nofile of the container runtime.',
        unit: 'percentunit',
        limits: { warn: 0.7, bad: 0.8 },
        max: 1,
        queries: [
          {
            expr: of(`${metric('process_open_fds')} / ${metric('process_max_fds')}`),
            legend: '{{pod}}',
          },
        ],
      },
    ],
  };
}
