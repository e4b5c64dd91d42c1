// A Pulsar for development, as `npm run pulsar` and `npm run cluster` start it.

/** The port asked for, or the usual one; any free one where nothing was asked for and the usual one is taken. */
export async function choosePort(testkit, option, asked, usual) {
  if (asked !== undefined && !(Number.isInteger(Number(asked)) && asked > 0 && asked < 65_536)) {
    stop(`${option} must be a port between 1 and 65535, not '${asked}'`);
  }
  const port = asked === undefined ? usual : Number(asked);
  if (await testkit.isFree(port)) return port;
  if (asked !== undefined) stop(`Port ${port} of 127.0.0.1 is in use; ${option} takes another.`);
  const other = await testkit.freePort();
  console.log(`Port ${port} of 127.0.0.1 is in use; taking ${other}.`);
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
