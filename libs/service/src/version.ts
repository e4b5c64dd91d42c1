/** As in the package of every service. */
export const pharosVersion = '0.1.0';
