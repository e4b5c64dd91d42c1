// A Pulsar for development, as `npm run pulsar` and `npm run cluster` start it.

/** The port asked for, which must be free; where nothing was asked for, as `usualOrFree`. */
async function choosePort(testkit, option, asked, usual) {
  if (asked === undefined) return usualOrFree(testkit, usual);
  const port = Number(asked);
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
    stop(`${option} must be a port between 1 and 65535, not '${asked}'`);
  }
  if (!(await testkit.isFree(port))) stop(`Port ${port} of 127.0.0.1 is in use; ${option} takes another.`);
  return port;
}

/** The usual port, or another one where that is taken. */
export async function usualOrFree(testkit, usual) {
  if (await testkit.isFree(usual)) return usual;
  const other = await testkit.freePort();
  console.log(`Port ${usual} of 127.0.0.1 is in use; taking ${other}.`);
  return other;
}

/** Starts a Pulsar that keeps its topics in `dataDir`; says what is missing where it can't. */
export async function startLocalPulsar(testkit, options) {
  const missing = testkit.unavailable('pulsar');
  if (missing) stop(`A local Pulsar ${missing}`);
  const brokerPort = await choosePort(testkit, '--port', options.port, 6650);
  const webPort = await choosePort(testkit, '--web-port', options.webPort, 8080);
  console.log('Starting Pulsar; the first time its jars (242 MB) are fetched …');
  try {
    return await testkit.startPulsar({ dataDir: options.dataDir, brokerPort, webPort });
  } catch (error) {
    return stop(error.message);
  }
}

/** Resolves at Ctrl-C or SIGTERM. */
export function untilSignalled() {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

export function stop(message) {
  console.error(message);
  process.exit(1);
}
