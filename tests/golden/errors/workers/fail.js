'use strict';
// Fails for one of several causes, as a worker's processor would, and prints what BullMQ would keep of it:
//   node fail.js CAUSE NUMBER
const fs = require('node:fs');
const net = require('node:net');
const assert = require('node:assert');

class PaymentError extends Error {
  constructor(message) {
    super(message);
    this.name = 'PaymentError';
  }
}

let n = 1;
let id = '';
function set(number) {
  n = number;
  id = require('node:crypto').createHash('sha1').update(String(n)).digest('hex');
}

function readOrder(order) {
  return order.customer.email;
}

function readInvoice(invoice) {
  return invoice.customer.email;
}

async function charge(amount) {
  await Promise.resolve();
  if (amount > 0) throw new PaymentError(`charge ch_${id.slice(0, 16)} of ${amount} declined`);
}

async function refund(amount) {
  await Promise.resolve();
  if (amount > 0) throw new PaymentError(`refund ch_${id.slice(0, 16)} of ${amount} declined`);
}

const connect = (port) =>
  new Promise((resolve, reject) => {
    net.connect({ port, host: '127.0.0.1' }).on('error', reject).on('connect', resolve);
  });

const causes = {
  'read-order': async () => readOrder({ id: n }),
  'read-invoice': async () => readInvoice({ id: n }),
  charge: () => charge(n),
  refund: () => refund(n),
  'no-file': async () => {
    await fs.promises.readFile(`/tmp/no-such-folder-${id.slice(0, 8)}/list-${n}.csv`);
  },
  'no-file-sync': async () => fs.readFileSync(`/tmp/no-such-folder-${id.slice(0, 8)}/list-${n}.csv`),
  json: async () => JSON.parse(`{"id": ${n}, "name": nobody}`),
  refused: () => connect(1),
  assertion: async () => assert.strictEqual(n, -1),
  'not-a-function': async () => ({}).total(n),
  range: async () => new Array(-n),
  'many-at-once': async () => {
    await Promise.all([charge(n), new Promise(() => {})]);
  },
  wrapped: async () => {
    try {
      readOrder({ id: n });
    } catch (cause) {
      throw new Error(`job ${n} of batch ${id} failed`, { cause });
    }
  },
};

async function process1(job) {
  return causes[job.name]();
}

if (require.main === module) {
  set(Number(process.argv[3] || 1));
  process1({ name: process.argv[2] }).catch((error) => {
    console.log(JSON.stringify({ message: error.message, stack: error.stack }));
  });
}

module.exports = { causes, process1, set };
