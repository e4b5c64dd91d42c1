export { checkAddress } from './common/address.ts';
export { checkCloseCode, fitReason } from './common/closing.ts';
export { crash, type Report } from './common/report.ts';
export { isNetwork, TrustedProxies } from './common/trusted-proxies.ts';
export { type SocketServerErrorCode, SocketServerError, socketServerErrors } from './errors.ts';
export { Topics } from './common/topics.ts';
export type * from './port.ts';
export { createSocketServer, type CreateSocketServerOptions } from './select.ts';
