'use strict';
// BullMQ's and Bull Board's bulk acts, and the life beside them; see README.md.
//
//   node others.js PORT bullmq drain|clean|retry QUEUE
//   node others.js PORT board drain|clean|retry QUEUE
//   node others.js PORT live 'RATE' QUEUE

const readline = require('node:readline');
const { Queue, Worker } = require('bullmq');

const [port, who, what, name] = process.argv.slice(2);
const connection = (connectionName) => ({ host: '127.0.0.1', port, connectionName, maxRetriesPerRequest: null });
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const library = {
  drain: (queue) => queue.drain(),
  // A thousand a call, as its documentation has it, until a call finds less.
  clean: async (queue) => {
    while ((await queue.clean(0, 1000, 'failed')).length === 1000);
  },
  retry: (queue) => queue.retryJobs({ state: 'failed' }),
};

/** The dashboard's own routes, called as its server adapters call them. */
function board(queue) {
  const { createBullBoard } = require('@bull-board/api');
  const { BullMQAdapter } = require('@bull-board/api/bullMQAdapter');
  const heard = {};
  const serverAdapter = new Proxy({}, {
    get: (_, word) => (value) => {
      heard[word] = value;
      return serverAdapter;
    },
  });
  createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter, options: { uiBasePath: __dirname } });
  const call = async (route, params) => {
    const { handler } = heard.setApiRoutes.find((each) => [each.route].flat().includes(`/api/queues/:queueName/${route}`));
    const request = { queues: heard.setQueues, params: { queueName: name, ...params }, query: {}, body: {}, headers: {} };
    const { status, body } = await handler(request);
    if ((status ?? 200) !== 200) throw new Error(`Bull Board: ${status} ${JSON.stringify(body)}`);
  };
  return {
    drain: () => call('empty', {}),
    clean: () => call('clean/:queueStatus', { queueStatus: 'failed' }),
    retry: () => call('retry/:queueStatus', { queueStatus: 'failed' }),
  };
}

async function live() {
  const queue = new Queue(name, { connection: connection('bystander') });
  // A server that is busy with a script for long answers so.
  queue.on('error', () => {});
  const worker = new Worker(name, async () => {}, {
    connection: connection('bystander'), concurrency: 10, removeOnComplete: { count: 0 },
  });
  worker.on('error', () => {});
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const every = 10;
  const each = Math.max(1, Math.round((Number(what) * every) / 1000));
  const timer = setInterval(() => {
    for (let n = 0; n < each; n++) queue.add('live', { n }).catch(() => {});
  }, every);
  process.stdout.write('ready\n');
  while (!(await lines.next()).done);
  clearInterval(timer);
}

async function act() {
  const queue = new Queue(name, { connection: connection('measured') });
  await queue.waitUntilReady();
  const acts = who === 'board' ? board(queue) : library;
  process.stdout.write('ready\n');
  await lines.next();
  await acts[what](queue);
  process.stdout.write('done\n');
}

(who === 'live' ? live() : act()).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
