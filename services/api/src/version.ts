import { pharosVersion } from '@pharos/service';

/** What `connect` answers as the server's version. */
export const apiVersion: string = `Pharos ${pharosVersion}`;
