'use strict';
// A flow of BullMQ 5: film > 5 levels and 2,000 more children; prints how long getFlow takes of it.
//
//   node seed.js SOCKET

const path = require('node:path');
const modules = path.join(__dirname, '../../tests/node/node_modules');
const Redis = require(path.join(modules, 'ioredis'));
const { FlowProducer } = require(path.join(modules, 'bullmq-5'));

async function main(socket) {
  const connection = new Redis(socket, { maxRetriesPerRequest: null });
  const flow = new FlowProducer({ connection });
  let deep = { name: 'last', queueName: 'l5' };
  for (const queueName of ['l4', 'l3', 'l2']) deep = { name: queueName, queueName, children: [deep] };
  const parts = [...Array(2000)].map((_, n) => ({ name: `part ${n}`, queueName: 'parts', data: { n } }));
  await flow.add({ name: 'film', queueName: 'top', opts: { jobId: 'film' }, children: [deep, ...parts] });
  const times = [];
  for (let n = 0; n < 10; n += 1) {
    const began = process.hrtime.bigint();
    await flow.getFlow({ queueName: 'top', id: 'film', depth: 9, maxChildren: 9000 });
    times.push(Number(process.hrtime.bigint() - began) / 1e6);
  }
  times.sort((a, b) => a - b);
  console.log(`getFlow of BullMQ 5, ms: median ${times[5].toFixed(1)}, slowest ${times[9].toFixed(1)}`);
  await flow.close();
  connection.disconnect();
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
