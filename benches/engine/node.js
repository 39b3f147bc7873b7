'use strict';
// The measures with Node's BullMQ; see README.md. Its place among the modules of the tests
// (NODE_PATH) names the release.

const { Queue, Worker } = require('bullmq-6');
const readline = require('node:readline');

const [port, measure, jobs, concurrency] = process.argv.slice(2).map((arg, at) => (at === 1 ? arg : Number(arg)));
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const queue = (name) => new Queue(name, { connection });

async function add(to, count, inFlight) {
  let next = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) await to.add('n', { i: next++ });
    }),
  );
}

async function bulk(to, count, size) {
  for (let next = 0; next < count; next += size) {
    const length = Math.min(size, count - next);
    await to.addBulk(Array.from({ length }, (_, k) => ({ name: 'n', data: { i: next + k } })));
  }
}

function worker(name, count, last) {
  let left = count;
  return new Worker(
    name,
    async () => {
      if (--left === 0) last();
    },
    { connection, concurrency },
  );
}

async function work(name, count) {
  let made;
  await new Promise((last) => {
    made = worker(name, count, last);
  });
  return made;
}

async function ready() {
  process.stdout.write('ready\n');
  await lines.next();
}

async function done() {
  process.stdout.write('done\n');
  while (!(await lines.next()).done);
}

async function main() {
  const [warm, bench] = [queue('warm'), queue('bench')];
  await Promise.all([warm.waitUntilReady(), bench.waitUntilReady()]);
  if (measure === 'add') {
    await add(warm, 2000, concurrency);
    await ready();
    await add(bench, jobs, concurrency);
    await done();
  } else if (measure === 'bulk') {
    await bulk(warm, 5000, concurrency);
    await ready();
    await bulk(bench, jobs, concurrency);
    await done();
  } else if (measure === 'work') {
    await bulk(warm, 2000, 1000);
    await bulk(bench, jobs, 1000);
    await (await work('warm', 2000)).close();
    await ready();
    await work('bench', jobs);
    await done();
  } else {
    await bulk(bench, 1, 1);
    await Promise.all([warm.close(), bench.close()]);
    await ready();
    worker('bench', 1, () => {});
    await done();
  }
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
