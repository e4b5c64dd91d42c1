import { context, diag, DiagLogLevel, type DiagLogger } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';

import { withDeadline } from '@pharos/lifecycle';
import { type Logger, TelemetryError, Tracing } from '@pharos/telemetry';

import type { Identity } from './identity.ts';
import { pharosVersion } from './version.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface TracingOptions {
  readonly env: Environment;
  /** What the process serves: `edge`, `api`, … */
  readonly service: string;
  readonly identity: Identity;
  readonly logger: Logger;
}

export interface StartedTracing {
  readonly tracing: Tracing | undefined;
  /** Sends what is left; gives up on it after two seconds. Never rejects. */
  stop(): Promise<void>;
}

const off: StartedTracing = { tracing: undefined, stop: () => Promise.resolve() };
const stopTimeoutMs = 2_000;
/** A collector that is away fails every export, a few seconds apart. */
const failureLogMs = 60_000;

const protocols = ['http/protobuf', 'http/json'] as const;
type Protocol = (typeof protocols)[number];

/**
 * Spans by OTLP, as OpenTelemetry's own variables say: on where OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
 * OTEL_TRACES_EXPORTER=otlp is set, off with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none. Only then is the SDK loaded.
 *
 * @throws TelemetryError `invalid-tracing`
 */
export async function startTracing(options: TracingOptions): Promise<StartedTracing> {
  const { env, service, identity, logger } = options;
  if (!isOn(env)) return off;
  const protocol = protocolOf(env);
  const [{ AsyncLocalStorageContextManager }, { BasicTracerProvider, BatchSpanProcessor }, resources, exporter] =
    await Promise.all([
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/resources'),
      exporterOf(protocol),
    ]);
  diag.setLogger(diagLogger(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const own = resources.resourceFromAttributes({
    'service.name': `pharos-${service}`,
    'service.version': pharosVersion,
    'service.instance.id': `${identity.name}-${identity.boot}`,
  });
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win. Sampler, limits and batches are read by the SDK itself.
  const named = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new BasicTracerProvider({
    resource: own.merge(named),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  logger.info({ protocol, sampler: env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on' }, 'traces are sent by OTLP');
  return {
    tracing: new Tracing(provider.getTracer('pharos', pharosVersion)),
    async stop(): Promise<void> {
      await withDeadline(provider.shutdown(), stopTimeoutMs, 'sending the last spans').catch((error: unknown) => {
        logger.warn({ err: error }, 'the last spans could not be sent');
      });
    },
  };
}

function isOn(env: Environment): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim() ?? '';
  if (exporter !== '' && exporter !== 'otlp' && exporter !== 'none') {
    throw new TelemetryError('invalid-tracing', `OTEL_TRACES_EXPORTER=${exporter}: expected otlp or none`);
  }
  if (exporter !== '') return exporter === 'otlp';
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  return endpoints.some((name) => (env[name]?.trim() ?? '') !== '');
}

function protocolOf(env: Environment): Protocol {
  const name =
    env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] === undefined
      ? 'OTEL_EXPORTER_OTLP_PROTOCOL'
      : 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  const asked = env[name]?.trim() ?? '';
  if (asked === '') return 'http/protobuf';
  const protocol = protocols.find((known) => known === asked);
  if (protocol === undefined)
    throw new TelemetryError('invalid-tracing', `${name}=${asked}: expected ${protocols.join(' or ')}`);
  return protocol;
}

async function exporterOf(protocol: Protocol): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function diagLogger(logger: Logger): DiagLogger {
  let toldMs = -Infinity;
  const tell = (message: string, ...detail: unknown[]): void => {
    if (performance.now() - toldMs < failureLogMs) return;
    toldMs = performance.now();
    logger.warn({ detail: detail.map(String) }, `tracing: ${message}`);
  };
  const nothing = (): void => undefined;
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}
