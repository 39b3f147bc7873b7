'use strict';
// A worker whose jobs fail for the causes of `tests/golden/errors/workers/fail.js`.

const { process1, set } = require('../../golden/errors/workers/fail');

module.exports = ({ lib, base, workers }) => ({
  /** Runs one job at a time: `data` is `{cause, n}`. */
  causesWorker: async (r) => {
    const processor = async (job) => {
      set(job.data.n);
      return process1({ name: job.data.cause });
    };
    const make = () => {
      const made = new lib.Worker(r.queue, processor, { ...base(r.prefix), concurrency: 1 });
      made.on('failed', () => {});
      made.on('error', () => {});
      return made;
    };
    const one = workers.start(make, r);
    await one.worker.waitUntilReady();
    return one.handle;
  },
});
