/** What `connect` answers as the server's version. */
export const serverVersion = 'Pharos 0.1.0';
