'use strict';
// Listeners, and publishers of events.

const { until } = require('../workers');

module.exports = ({ lib, base, job, queue }) => {
  const listeners = [];
  const producers = new Map();
  const get = (handle) => {
    if (!listeners[handle]) throw new Error(`no listener ${handle}`);
    return listeners[handle];
  };

  return {
    // Follows a queue's events; `opts` may hold lastEventId.
    events: async (r) => {
      const { QueueEvents } = lib;
      const made = new QueueEvents(r.queue, { ...base(r.prefix), autorun: false, ...r.opts });
      const one = { made, seen: [], errors: [] };
      const emit = made.emit.bind(made);
      made.emit = (event, ...args) => {
        if (event === 'error') one.errors.push(String(args[0] && args[0].message));
        // Each is told twice, the second time under the job's own name.
        const own = args[0] && args[0].jobId !== undefined && event.endsWith(`:${args[0].jobId}`);
        if (!own && typeof args.at(-1) === 'string' && /^\d+-\d+$/.test(args.at(-1))) {
          one.seen.push({ event, args: args.length > 1 ? args[0] : {}, id: args.at(-1) });
        }
        return emit(event, ...args);
      };
      made.on('error', () => {});
      await made.waitUntilReady();
      made.run().catch((error) => one.errors.push(error.message));
      return listeners.push(one) - 1;
    },
    eventsSeen: async ({ handle, n = 0, timeoutMs = 10000 }) => {
      const { seen } = get(handle);
      await until(() => seen.length >= n, timeoutMs, () => `${seen.length} of ${n} events: ${JSON.stringify(seen)}`);
      return seen;
    },
    eventsStop: async ({ handle }) => {
      await get(handle).made.close();
      return null;
    },
    workersCount: (r) => queue(r).getWorkersCount(),
    publish: async (r) => {
      if (!producers.has(r.queue)) producers.set(r.queue, new lib.QueueEventsProducer(r.queue, base(r.prefix)));
      return (await producers.get(r.queue).publishEvent(r.event, ...(r.max === undefined ? [] : [r.max]))) ?? null;
    },
    waitUntilFinished: async (r) => (await (await job(r)).waitUntilFinished(get(r.listener).made, r.ttl)) ?? null,
  };
};
