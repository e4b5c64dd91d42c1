const plainPort = 8080;
const tlsPort = 8443;

/**
 * Where the admin API is taken to be when nobody says: on the (first) host of the service URL, at the ports that Pulsar
 * gives it by default. `pulsar://broker:6650` → `http://broker:8080`.
 */
export function adminUrlOf(serviceUrl: string): string {
  const scheme = serviceUrl.slice(0, serviceUrl.indexOf('://'));
  const secure = scheme === 'pulsar+ssl' || scheme === 'https';
  const authority = serviceUrl.slice(scheme.length + 3).split(/[,/;]/)[0] ?? '';
  const host = authority.replace(/:\d+$/, '');
  return secure ? `https://${host}:${tlsPort}` : `http://${host}:${plainPort}`;
}
