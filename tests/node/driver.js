'use strict';
// One of the real Node libraries behind a line protocol, for the tests that compare with it.
//
//   node driver.js <bullmq-4|bullmq-5|bullmq-6|bull-4> <redis unix socket>
//
// A request is one line of JSON on stdin: {"id":1,"op":"add","queue":"q",...}. Its answer is one line
// on stdout: {"id":1,"result":...} or {"id":1,"error":"..."}. The end of stdin ends the process at
// once, so that a test that was killed leaves nothing behind.

const readline = require('node:readline');
const { install } = require('./clock');

const [lib, socket] = process.argv.slice(2);
if (!lib || !socket) {
  process.stderr.write('usage: node driver.js <library> <redis unix socket>\n');
  process.exit(2);
}

const clock = install();
const driver = (lib.startsWith('bullmq') ? require('./bullmq') : require('./bull'))(lib, socket);

const own = {
  ping: () => ({ lib, version: require(`${lib}/package.json`).version, node: process.version }),
  // What this process takes for the time: `ms` holds it still, no `ms` lets it run again.
  fixedNow: ({ ms }) => clock.fix(ms),
  sleep: ({ ms }) => new Promise((done) => setTimeout(done, ms)),
  close: async () => {
    await driver.close();
    setImmediate(() => process.exit(0));
    return null;
  },
};

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function serve(line) {
  let request = {};
  try {
    request = JSON.parse(line);
    const op = own[request.op] ?? driver.ops[request.op];
    if (!op) throw new Error(`${lib} has no op ${request.op}`);
    const result = await op(request);
    answer({ id: request.id, result: result === undefined ? null : result });
  } catch (error) {
    answer({ id: request.id ?? null, error: String((error && error.message) || error) });
  }
}

// A library's stray rejection (a connection closed under a blocked read) must not end a test's driver.
process.on('unhandledRejection', (error) => process.stderr.write(`driver: ${error && error.stack}\n`));
process.stdout.on('error', () => process.exit(0));
readline
  .createInterface({ input: process.stdin })
  .on('line', serve)
  .on('close', () => process.exit(0));
