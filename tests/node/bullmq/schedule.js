'use strict';
// Schedulers: what a pattern comes to, and what the library says of one.

module.exports = ({ lib, queue, json }) => ({
  /** The times after each of `at` (ms) by the library's own strategy; null where there is none. */
  cronNext: (r) =>
    r.at.map((at) => {
      const then = lib.defaultRepeatStrategy(at, { pattern: r.pattern, tz: r.tz });
      return then === undefined ? null : then;
    }),
  scheduler: async (r) => json(await queue(r).getJobScheduler(r.scheduler)),
  schedulersCount: (r) => queue(r).getJobSchedulersCount(),
  /** The whole answer: the job that was made, or null. */
  upsert: async (r) => json(await queue(r).upsertJobScheduler(r.scheduler, r.repeat, r.template)),
});
