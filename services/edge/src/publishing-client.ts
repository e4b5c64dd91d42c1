/** Names of the properties that say who published. Whoever may write to the topic can set them: see docs/security.md. */
export const clientProperty = 'pharos-client';
export const userProperty = 'pharos-user';
/** What others see with the connection, and with its subscription: JSON. */
export const connInfoProperty = 'pharos-info';
export const chanInfoProperty = 'pharos-channel-info';
