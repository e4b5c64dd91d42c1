export { checkAddress } from './common/address.ts';
export { type SocketServerErrorCode, SocketServerError, socketServerErrors } from './errors.ts';
export type * from './port.ts';
export { createSocketServer, type CreateSocketServerOptions } from './select.ts';
