'use strict';
// A producer or a worker of the mixed soak, in a process that may be killed at any moment.
//
//   node soak.js <bullmq-5|bullmq-6> <redis unix socket> <order as JSON>
//
// It prints a line a fact, begun with `@`: `@R` ready; `@A id` the library acknowledged an add; `@S id
// attempt` a handler began; `@E id` it ended; `@L text` an error of the worker, such as a lost lock;
// `@D` a producer is done. Pipes are written synchronously, so what was said before a kill is heard.
// The end of stdin ends the process.

const [lib, socket, text] = process.argv.slice(2);
const order = JSON.parse(text);
const { Queue, Worker, FlowProducer } = require(lib);

const say = (line) => process.stdout.write(`@${line}\n`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const connection = { path: socket, maxRetriesPerRequest: null };
const base = { connection, prefix: 'bull', skipVersionCheck: true };

// mulberry32
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function work() {
  const worker = new Worker(
    order.queue,
    async (job) => {
      say(`S ${job.id} ${job.attemptsMade + 1}`);
      const { fails = 0, ms = 0 } = job.data;
      if (ms > 0) await sleep(ms);
      say(`E ${job.id}`);
      if (job.attemptsMade < fails) throw new Error(`attempt ${job.attemptsMade + 1} of ${fails} that fail`);
      return { by: lib };
    },
    { ...base, name: order.name, concurrency: order.concurrency, ...order.opts },
  );
  worker.on('error', (error) => say(`L ${error.message.replace(/\s+/g, ' ')}`));
  worker.waitUntilReady().then(() => say('R'));
}

async function produce() {
  const next = random(order.seed);
  const below = (n) => Math.floor(next() * n);
  const one = (...choices) => choices[below(choices.length)];
  const queue = new Queue(order.queue, { ...base, streams: { events: { maxLen: order.maxLen } } });
  const flows = new FlowProducer(base);
  await queue.waitUntilReady();
  say('R');

  const data = (opts) => ({
    // Up to one more than the attempts there are.
    fails: below(3) ? 0 : below(Math.max(opts.attempts ?? 1, 1) + 1),
    ms: below(40) ? below(25) : 300 + below(900),
  });
  const retries = () =>
    below(2)
      ? {}
      : { attempts: 1 + below(4), ...one({}, { backoff: 20 + below(200) }, { backoff: { type: 'exponential', delay: 20 + below(80), jitter: 0.5 } }) };
  const kind = () =>
    one({}, {}, { delay: 1 + below(2000) }, { priority: 1 + below(9) }, { lifo: true }, { delay: below(500), priority: 1 + below(3) });
  const keep = () => (below(6) ? {} : one({ removeOnComplete: true }, { removeOnFail: true }));
  const job = (extra = {}) => {
    const opts = { ...kind(), ...retries(), ...keep(), ...extra };
    return { name: 'job', data: data(opts), opts };
  };
  const added = (jobs) => jobs.forEach((one_) => say(`A ${one_.id}`));
  const tell = ({ job: one_, children = [] }) => (say(`A ${one_.id}`), children.forEach(tell));
  const child = (deep) => {
    const policy = one({ ignoreDependencyOnFailure: true }, { removeDependencyOnFailure: true }, { failParentOnFailure: true });
    const { name, data: what, opts } = job(policy);
    return { name, queueName: order.queue, data: what, opts, ...(deep && below(3) === 0 && { children: [child(false)] }) };
  };

  const deduplication = () => {
    const id = `d${below(6)}`;
    return one(
      [{}, { id }],
      [{}, { id: `t${id}`, ttl: 100 + below(400) }],
      [{}, { id: `e${id}`, ttl: 100 + below(400), extend: true }],
      [{ delay: 200 + below(600) }, { id: `r${id}`, ttl: 1000, replace: true }],
    );
  };
  const acts = [
    async () => added(await queue.addBulk(Array.from({ length: 2 + below(12) }, () => job()))),
    async () => added([await queue.add('job', ...Object.values(job()).slice(1))]),
    // Ids that other producers use as well; they stay, so that none can run a second time.
    async () => {
      const { name, data: what, opts } = job({ jobId: `c-${below(400)}`, removeOnComplete: false, removeOnFail: false });
      added([await queue.add(name, what, opts)]);
    },
    async () => {
      const [more, dedup] = deduplication();
      const opts = { ...retries(), ...more, deduplication: dedup };
      added([await queue.add('dedup', data(opts), opts)]);
    },
    async () => {
      const opts = { ...one({}, {}, { priority: 1 + below(5) }, { delay: below(300) }), ...retries() };
      const children = Array.from({ length: 1 + below(4) }, () => child(true));
      tell(await flows.add({ name: 'parent', queueName: order.queue, data: data(opts), opts, children }));
    },
  ];
  const scheduler = `of-${lib}`;
  await queue.upsertJobScheduler(scheduler, { every: order.every }, { name: 'again', data: { ms: 3 } });
  const end = Date.now() + order.ms;
  while (Date.now() < end) {
    await acts[below(acts.length)]();
    await sleep(below(2 * order.pause));
  }
  await queue.removeJobScheduler(scheduler);
  say('D');
}

process.on('unhandledRejection', (error) => say(`L rejection ${String(error && error.message)}`));
process.stdin.on('end', () => process.exit(0)).resume();
if (order.role === 'producer') {
  produce().catch((error) => (say(`X ${error.stack.replace(/\s+/g, ' ')}`), process.exit(1)));
} else {
  work();
}
