'use strict';
// Queues as a sound system has them: producers and workers, with retries, delays, priorities, flows,
// deduplication ids and schedulers, on many queues at once.

module.exports = ({ lib, base }) => {
  const { Queue, Worker, FlowProducer } = lib;
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  let busy = null;

  async function work(job) {
    if (job.data.ms) await sleep(job.data.ms);
    if (job.data.fails > job.attemptsMade) throw new Error('not yet');
    return { n: job.data.n };
  }

  function opts(n) {
    const keep = { removeOnComplete: n % 4 === 0 ? true : { count: 20 }, removeOnFail: { count: 20 } };
    switch (n % 9) {
      case 0: return { ...keep, delay: 700 };
      case 1: return { ...keep, priority: 1 + (n % 5) };
      case 2: return { ...keep, attempts: 3, backoff: { type: 'fixed', delay: 150 } };
      case 3: return { ...keep, deduplication: { id: `d${n % 7}` } };
      case 4: return { ...keep, deduplication: { id: `t${n % 7}`, ttl: 400 } };
      case 5: return { ...keep, jobId: `order-${n % 50}` };
      case 6: return { ...keep, lifo: true };
      default: return keep;
    }
  }

  return {
    /** Starts producers and workers on queues; each gets a job in `everyMs`. */
    busy: async ({ names, everyMs }) => {
      const flows = new FlowProducer(base());
      const queues = names.map((name) => new Queue(name, base()));
      const errors = [];
      const workers = names.map((name) => new Worker(name, work, { ...base(), concurrency: 3 }));
      for (const one of [flows, ...queues, ...workers]) one.on('error', (error) => errors.push(error.message));
      for (const one of workers) one.on('failed', () => {});
      await Promise.all(workers.map((one) => one.waitUntilReady()));
      for (const [at, queue] of queues.entries()) {
        if (at % 3 === 0) {
          await queue.upsertJobScheduler('beat', { every: 900 }, { name: 'beat', opts: { removeOnComplete: true } });
          await queue.upsertJobScheduler('nightly', { pattern: '0 3 * * *' }, { name: 'nightly' });
        }
      }
      let n = 0;
      const produce = async (queue) => {
        n += 1;
        const own = n;
        if (own % 11 === 0) {
          const child = (k) => ({ name: 'child', queueName: names[(own + k) % names.length], data: { n: own, ms: 20 * k } });
          await flows.add({ name: 'parent', queueName: queue.name, data: { n: own }, children: [1, 2, 3].map(child) });
        } else {
          await queue.add('job', { n: own, ms: (own % 6) * 25, fails: own % 9 === 2 ? 1 : 0 }, opts(own));
        }
      };
      const timers = queues.map((queue) =>
        setInterval(() => produce(queue).catch((error) => errors.push(error.message)), everyMs));
      busy = { flows, queues, workers, timers, errors, count: () => n };
      return null;
    },
    /** Stops the producers, lets the workers finish, and tells what went wrong and how many adds there were. */
    busyStop: async () => {
      for (const timer of busy.timers) clearInterval(timer);
      const { errors, count } = busy;
      await Promise.all(busy.workers.map((one) => one.close()));
      await Promise.all([busy.flows, ...busy.queues].map((one) => one.close()));
      busy = null;
      return { errors, added: count() };
    },
  };
};
