'use strict';
// What a job may ask its worker for besides ending, workers with functions of their own, and locks.

module.exports = ({ lib, base, queue, workers, json }) => {
  const { Worker, DelayedError, WaitingError, RateLimitError, WaitingChildrenError } = lib;
  const obey = workers.obey.bind(workers);

  workers.obey = async (one, job, order) => {
    const first = one.ran.filter((run) => run.id === String(job.id)).length === 1;
    if (first && order.do === 'delay') {
      await job.moveToDelayed(Date.now() + order.ms, job.token);
      throw new DelayedError();
    }
    if (first && order.do === 'wait') {
      await job.moveToWait(job.token);
      throw new WaitingError();
    }
    if (first && order.do === 'limit') {
      await queue({ queue: job.queueName }).rateLimit(order.ms);
      throw new RateLimitError();
    }
    if (first && order.do === 'children' && (await job.moveToWaitingChildren(job.token))) {
      throw new WaitingChildrenError();
    }
    return ['delay', 'wait', 'limit', 'children'].includes(order.do) ? order.return : obey(one, job, order);
  };

  return {
    /** A worker whose jobs' back-off of type `own` waits `waits[attempt - 1]` ms; -1 is no attempt. */
    backoffWorker: async (r) => {
      const strategy = (attempt) => r.waits[attempt - 1];
      const make = (run, one) => {
        const hooks = { progress: (job, step) => job.updateProgress(step), log: (job, line) => job.log(line) };
        const made = new Worker(r.queue, (job) => run(job, hooks), {
          ...base(r.prefix),
          ...(r.name !== undefined && { name: r.name }),
          settings: { backoffStrategy: strategy },
          ...r.opts,
        });
        made.on('error', (error) => one.errors.push(error.message));
        made.on('failed', () => {});
        return made;
      };
      const one = workers.start(make, r);
      await one.worker.waitUntilReady();
      return one.handle;
    },
    /** A field of a worker, which may be a private one. */
    workerField: (r) => json(workers.get(r.handle).worker[r.field]),
    /** Renews locks as a worker does; the ids that it could not renew. */
    extendLocks: async (r) => {
      const { worker } = workers.get(r.handle);
      const scripts = worker.scripts ?? worker.backend;
      return scripts.extendLocks(r.jobs, r.tokens, r.ms);
    },
    /** Ends a held job with a token that may not be its own; the error's code, or null. */
    endWith: async (r) => {
      const job = workers.held(r.handle, r.job);
      try {
        if (r.fail !== undefined) await job.moveToFailed(new Error(r.fail), r.token, false);
        else await job.moveToCompleted(r.value ?? 1, r.token, false);
        return null;
      } catch (error) {
        return error.code ?? error.message;
      }
    },
  };
};
