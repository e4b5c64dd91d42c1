import type { ApiError } from '../api-error.ts';
import type { Json } from './method.ts';

/** As the API answers it. */
export function errorJson({ code, message }: ApiError): Json {
  return JSON.stringify({ code: code.code, message });
}
