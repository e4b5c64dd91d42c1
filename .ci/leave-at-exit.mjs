// Loaded into the process of every test file, and without effect before its end.
//
// Node 20 has been seen to spin for ever at the end of a test file that had killed brokers under open connections: all tests done, every exit
// hook run, and then `Environment::CleanupHandles` turns the event loop for a request that never completes. There is nothing left to
// clean up by then, so the process leaves as `process.exit` does, which skips that step.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  // Registered late, so that it runs after the exit hooks of the tests and their tools.
  process.once('beforeExit', () => process.on('exit', (code) => process.reallyExit(process.exitCode ?? code)));
}
