import { type ErrorTable, PharosError, type ErrorCodeInfo } from '@pharos/errors';

/** Every error of the chat page's assets. */
export const PAGE_ERRORS: Readonly<Record<'page_asset_missing' | 'page_not_built', ErrorCodeInfo>> = {
  page_asset_missing: {
    retryable: false,
    description: 'A file of the chat page is missing from the installation.',
  },
  page_not_built: {
    retryable: false,
    description: 'The chat page’s scripts have not been compiled yet.',
  },
};

export type PageErrorCode = keyof typeof PAGE_ERRORS;

export class PageError extends PharosError<PageErrorCode> {
  constructor(code: PageErrorCode, message: string, cause?: unknown) {
    super(PAGE_ERRORS satisfies ErrorTable, code, message, cause === undefined ? {} : { cause });
  }
}
