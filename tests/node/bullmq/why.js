'use strict';
// Queues that live: a producer and a worker each, going on until the driver ends.

module.exports = ({ lib, base, queue, flow }) => {
  const { Worker } = lib;
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  /** What is added in each round, by kind. */
  const rounds = {
    busy: (r) => queue(r).addBulk([1, 2, 3].map((n) => ({ name: 'busy', data: { ms: 20 * n } }))),
    delayed: (r) => queue(r).add('delayed', { ms: 10 }, { delay: 200 + Math.floor(Math.random() * 1500) }),
    retries: (r) =>
      queue(r).add('retries', { ms: 10, fails: 1 }, { attempts: 3, backoff: { type: 'fixed', delay: 300 } }),
    prioritized: (r) =>
      queue(r).addBulk([0, 1, 5].map((priority) => ({ name: 'any', data: { ms: 20 }, opts: { priority } }))),
    removed: (r) => queue(r).add('removed', { ms: 30 }, { removeOnComplete: true }),
    flows: (r) =>
      flow(r).add({
        name: 'parent',
        queueName: r.queue,
        data: { ms: 10 },
        children: [1, 2, 3].map((n) => ({ name: 'child', queueName: r.queue, data: { ms: 30 * n } })),
      }),
    // The scheduler adds by itself.
    schedulers: () => null,
  };

  return {
    /** Starts a producer and a worker of a kind on a queue. */
    live: async (r) => {
      const made = new Worker(
        r.queue,
        async (job) => {
          await sleep(job.data.ms ?? 10);
          if (job.attemptsMade < (job.data.fails ?? 0)) throw new Error('not yet');
        },
        { ...base(r.prefix), concurrency: 4, ...r.opts },
      );
      made.on('error', (error) => process.stderr.write(`driver: worker: ${error.message}\n`));
      made.on('failed', () => {});
      await made.waitUntilReady();
      if (r.kind === 'schedulers') {
        await queue(r).upsertJobScheduler('tick', { every: 1000 }, { name: 'tick', data: { ms: 50 } });
      }
      (async () => {
        for (;;) {
          await rounds[r.kind](r);
          await sleep(r.pauseMs ?? 300);
        }
      })().catch((error) => process.stderr.write(`driver: producer: ${error.message}\n`));
      return null;
    },
  };
};
