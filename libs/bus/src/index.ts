export { BusError, type BusErrorCode, busErrors } from './errors.ts';
export type * from './port.ts';
export { markerProperty } from './port.ts';
