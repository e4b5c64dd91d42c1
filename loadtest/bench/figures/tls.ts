import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CertificateAuthority } from '@pharos/testkit';

import { type Child, ProcessGroup } from '../frame/child.ts';
import type { Figure, FigureContext, FigureOutcome, FigureResult } from '../frame/figure.ts';
import { type Pair, type Sample, summarise } from '../frame/pairs.ts';
import { cpuMicros, cpuSample } from '../frame/proc.ts';
import type { Certificate, EdgeServerCommands, ReceiverCommands } from '../frame/roles.ts';
import { inRounds, pairsOf } from '../frame/rounds.ts';
import { type Audience, startEdge } from './p1-contestant.ts';
import { connectionMemory, type P4Size } from './p4.ts';

const id = 'TLS';
const payloadBytes = 128;

interface TlsSize {
  /** Connections of a window of handshakes. */
  readonly handshakes: number;
  readonly subscribers: number;
  readonly perSecond: readonly number[];
  readonly windowSeconds: number;
  readonly memory: P4Size;
}

const fullSize: TlsSize = {
  handshakes: 1_000,
  // More of them at 100 a second, and their own TLS takes what two cores have.
  subscribers: 500,
  perSecond: [10, 100],
  windowSeconds: 6,
  memory: { from: 1_000, to: 4_000 },
};
const quickSize: TlsSize = { ...fullSize, handshakes: 300, windowSeconds: 2, memory: { from: 500, to: 2_000 } };
const warmUpPerSecond = 100;
/** Each takes half a minute, and they hardly differ. */
const memoryPairs = 3;

/** What TLS of the edge itself costs, beside the same edge without it: here that is the floor. */
export const tls: Figure = {
  id,
  title: 'an edge that speaks TLS ÷ one on plain TCP: connecting, delivering',
  measure: (context) => measureTls(context, context.quick ? quickSize : fullSize),
};

/** The same of its memory, which needs no quiet machine. */
export const tlsMemory: Figure = {
  id: `${id}MEM`,
  title: 'an edge that speaks TLS ÷ one on plain TCP: memory of a connection',
  measure: async (context) => {
    const { memory } = context.quick ? quickSize : fullSize;
    return { results: [await withCertificate((pem) => measureMemory(context, memory, pem))], skipped: [] };
  },
};

async function measureTls(context: FigureContext, size: TlsSize): Promise<FigureOutcome> {
  const results = await withCertificate(async (certificate) => [
    await measureHandshakes(context, size, certificate),
    ...(await measureDeliveries(context, size, certificate)),
  ]);
  return { results, skipped: [] };
}

/** One that lies in files meanwhile. */
export async function withCertificate<T>(work: (certificate: Certificate) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pharos-bench-tls-'));
  try {
    return await work(await certificateIn(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of RSA, 2,048 bits. */
async function certificateIn(folder: string): Promise<Certificate> {
  const { certificate, privateKey } = new CertificateAuthority().issue({ hosts: ['127.0.0.1'] });
  const files: Certificate = { certFile: join(folder, 'edge.pem'), keyFile: join(folder, 'edge.key') };
  await writeFile(files.certFile, certificate);
  await writeFile(files.keyFile, privateKey, { mode: 0o600 });
  return files;
}

interface Door {
  readonly name: string;
  readonly edge: Child<EdgeServerCommands>;
  readonly receiver: Child<ReceiverCommands>;
  readonly port: number;
  readonly secure: boolean;
}

/** Each connection is new: none resumes an earlier TLS session. */
export async function measureHandshakes(
  context: FigureContext,
  size: Pick<TlsSize, 'handshakes'>,
  certificate: Certificate,
): Promise<FigureResult> {
  const processes = new ProcessGroup();
  try {
    const [secure, plain] = [await door(processes, certificate), await door(processes, undefined)];
    for (const one of [secure, plain]) await connectAll(one, Math.ceil(size.handshakes / 2));
    const rounds = await inRounds(
      context,
      `${id}:`,
      [secure, plain],
      (one) => connectAll(one, size.handshakes),
      (value) => `${value.toFixed(0)} µs a connection`,
    );
    const what = 'CPU of an edge per connection, up to its subscription: TLS 1.3, RSA 2048, no session resumed ÷ plain';
    return summarise({ id: `${id}-handshake`, what, unit: 'µs', reach: 20 }, pairsOf(rounds, secure, plain));
  } finally {
    await processes.stop();
  }
}

async function door(processes: ProcessGroup, certificate: Certificate | undefined): Promise<Door> {
  const edge = await processes.start<EdgeServerCommands>('edge-server');
  const receiver = await processes.start<ReceiverCommands>('receiver');
  const secured = certificate === undefined ? {} : { tls: certificate };
  const { port } = await edge.call('start', { bus: { kind: 'memory' }, ...secured });
  const secure = certificate !== undefined;
  return { name: secure ? 'tls' : 'plain', edge, receiver, port, secure };
}

/** Rejects where one is not subscribed in the end, so that all of them count. */
async function connectAll({ edge, receiver, port, secure }: Door, connections: number): Promise<Sample> {
  const before = cpuMicros(edge.pid);
  await receiver.call('connect', { port, connections, protocol: 'centrifuge', encoding: 'json', secure });
  const micros = cpuMicros(edge.pid) - before;
  const checked = { deliveries: connections, frames: connections, lost: 0, duplicated: 0, reordered: 0 };
  return cpuSample(micros, connections, checked);
}

export async function measureDeliveries(
  context: FigureContext,
  size: Pick<TlsSize, 'subscribers' | 'perSecond' | 'windowSeconds'>,
  certificate: Certificate,
): Promise<FigureResult[]> {
  const processes = new ProcessGroup();
  try {
    const audience: Audience = { subscribers: size.subscribers, payloadBytes, encoding: 'json' };
    const secure = await startEdge(processes, audience, { kind: 'memory' }, certificate);
    const plain = await startEdge(processes, audience, { kind: 'memory' });
    for (const one of [secure, plain]) await one.measure(size.windowSeconds * warmUpPerSecond, warmUpPerSecond);
    const results: FigureResult[] = [];
    for (const perSecond of size.perSecond) {
      const rounds = await inRounds(
        context,
        `${id}: ${perSecond} msg/s,`,
        [secure, plain],
        (one) => one.measure(size.windowSeconds * perSecond, perSecond),
        (value) => `${value.toFixed(2)} µs`,
      );
      const what = `CPU per delivery, edge with TLS ÷ plain, on memory, json, ${size.subscribers} subscribers, ${payloadBytes} B, ${perSecond} msg/s`;
      results.push(
        summarise({ id: `${id}-delivery-${perSecond}`, what, unit: 'µs', reach: 1.5 }, pairsOf(rounds, secure, plain)),
      );
    }
    return results;
  } finally {
    await processes.stop();
  }
}

async function measureMemory(context: FigureContext, size: P4Size, certificate: Certificate): Promise<FigureResult> {
  const pairs: Pair[] = [];
  const count = Math.min(context.pairs, memoryPairs);
  for (let round = 0; round < count; round++) {
    const pharos = await connectionMemory('pharos', size, certificate);
    const floor = await connectionMemory('pharos', size);
    pairs.push({ pharos, floor });
    const told = `${pharos.value.toFixed(0)} B, plain ${floor.value.toFixed(0)} B`;
    context.progress(`${id}MEM: a connection, round ${round + 1} of ${count}: ${told}`);
  }
  const { from, to } = size;
  const what = `RSS of an edge per idle connection, TLS ÷ plain, after forced GC, slope of ${from} to ${to}`;
  return summarise({ id: `${id}MEM`, what, unit: 'B', reach: 12 }, pairs);
}
