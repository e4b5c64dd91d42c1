export { CertificateAuthority } from './certificates.ts';
export type { CertificateOptions, IssuedCertificate } from './certificates.ts';
export { describeFault, describeFaults } from './checker/fault.ts';
export type { Fault, FaultKind } from './checker/fault.ts';
export type {
  Disturbance,
  MemberRecord,
  PresenceAnswer,
  PresenceEvent,
  PresenceLimits,
  PresenceLog,
  PresenceRun,
} from './checker/presence-records.ts';
export type {
  ChannelTruth,
  Outcome,
  SendLog,
  SendRecord,
  StreamEvent,
  StreamLog,
  TruthEntry,
} from './checker/records.ts';
export { truthFromClients } from './checker/truth.ts';
export { verifyPresence } from './checker/verify-presence.ts';
export { verifySends } from './checker/verify-sends.ts';
export { verifyStream } from './checker/verify-stream.ts';
export type { StreamOptions, StreamVerdict } from './checker/verify-stream.ts';
export { launchChromium } from './chromium.ts';
export { OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';
export { Collector } from './collector.ts';
export { TestkitError, testkitErrors } from './errors.ts';
export type { TestkitErrorCode } from './errors.ts';
export { eventually } from './eventually.ts';
export { HttpBackend } from './http-backend.ts';
export type { Answering, BackendRequest, Reply } from './http-backend.ts';
export { freePort, isFree } from './free-port.ts';
export { goBinary, goProgram } from './go-program.ts';
export type { LineLog, LineWaitOptions } from './process/line-log.ts';
export type { ExitStatus } from './process/managed-child.ts';
export { spawnService } from './process/service-process.ts';
export type { IpcChannel, ServiceProcess, SpawnServiceOptions } from './process/service-process.ts';
export { queryRange, startPrometheus } from './prometheus.ts';
export type {
  PrometheusOptions,
  PrometheusServer,
  PrometheusTarget,
  QueryRange,
  Series,
} from './prometheus.ts';
export { startProxy } from './proxy/fault-proxy.ts';
export type { FaultProxy, ProxyDirection, ProxyOptions } from './proxy/fault-proxy.ts';
export { startPulsarCluster } from './pulsar/cluster.ts';
export type { PulsarCluster, PulsarClusterOptions } from './pulsar/cluster.ts';
export type { ClusterBroker, LoadManager } from './pulsar/cluster-parts.ts';
export { keepingNamespace } from './pulsar/keeping-namespace.ts';
export { startPulsarProxy } from './pulsar/proxy.ts';
export type { PulsarProxy, PulsarProxyOptions } from './pulsar/proxy.ts';
export { startSecuredPulsar } from './pulsar/secured.ts';
export type { CertificateFiles, SecuredPulsar } from './pulsar/secured.ts';
export { startPulsar } from './pulsar/server.ts';
export type { PulsarOptions, PulsarServer } from './pulsar/server.ts';
export { sharedPulsar, uniqueTopic } from './pulsar/shared.ts';
export type { SharedPulsar } from './pulsar/shared.ts';
export { realTextLines } from './real-text.ts';
export { startRedis } from './redis.ts';
export type { RedisOptions, RedisServer } from './redis.ts';
export { startRedisCluster } from './redis-cluster.ts';
export type { RedisCluster } from './redis-cluster.ts';
export { startRedisSentinel } from './redis-sentinel.ts';
export type { RedisSentinel } from './redis-sentinel.ts';
export type { Seat, SeatClient } from './seats/seat.ts';
export { SeatingServer, type SeatRequest } from './seats/seating-server.ts';
export { toolPath, unavailable } from './tools.ts';
export type { Tool } from './tools.ts';
export { BareWebSocket, type BareWebSocketOptions } from './web-socket/bare-web-socket.ts';
export { clientFrame, type FrameHandler, FrameReader, opcodes, zeroMaskedFrame } from './web-socket/frames.ts';
export { ServerStream, type ServerStreamHandler, upgradeRequest } from './web-socket/server-stream.ts';
export { startJavaWorker } from './workers/java-worker.ts';
export { JsonWorker } from './workers/json-worker.ts';
export type { WorkerCommands } from './workers/json-worker.ts';
export { pythonWith, startPythonWorker } from './workers/python-worker.ts';
export { centrifugeJars } from './pulsar/jars.ts';
export { makeDocumentedUsers } from './redis-users.ts';
