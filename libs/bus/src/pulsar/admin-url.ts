const plainPort = 8080;
const tlsPort = 8443;

/**
 * Where the admin API is taken to be when nobody says: on the hosts of the service URL, at the ports that Pulsar gives
 * it by default. `pulsar://b1:6650,b2:6650` → `http://b1:8080,b2:8080`.
 */
export function adminUrlOf(serviceUrl: string): string {
  const scheme = serviceUrl.slice(0, serviceUrl.indexOf('://'));
  const secure = scheme === 'pulsar+ssl' || scheme === 'https';
  const [authorities = ''] = serviceUrl.slice(scheme.length + 3).split('/');
  const port = secure ? tlsPort : plainPort;
  const hosts = authorities.split(',').map((authority) => `${authority.replace(/:\d+$/, '')}:${port}`);
  return `${secure ? 'https' : 'http'}://${hosts.join(',')}`;
}
