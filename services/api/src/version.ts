/** What `connect` answers as the server's version. */
export const apiVersion = 'Pharos 0.1.0';
