'use strict';
// Bull 4 behind the tests' vocabulary, as far as Bull has the thing at all.

const { Workers, waitIdle } = require('./workers');

module.exports = (lib, socket) => {
  const Bull = require(lib);
  const queues = new Map();
  const workers = new Workers();

  const key = ({ prefix = 'bull', queue }) => `${prefix}:${queue}`;

  function open({ queue: name, prefix = 'bull' }, opts) {
    const made = new Bull(name, { redis: { path: socket, maxRetriesPerRequest: null }, prefix, ...opts });
    made.on('error', (error) => process.stderr.write(`driver: queue: ${error.message}\n`));
    return made;
  }

  function queue(request) {
    if (typeof request.queue !== 'string') throw new Error(`op ${request.op} wants a queue`);
    if (!queues.has(key(request))) queues.set(key(request), open(request, request.queueOpts));
    return queues.get(key(request));
  }

  async function job(request) {
    if (request.handle !== undefined) return workers.held(request.handle, request.job);
    const found = await queue(request).getJob(String(request.job));
    if (!found) throw new Error(`no job ${request.job} in ${request.queue}`);
    return found;
  }

  const id = (one) => (one ? String(one.id) : null);
  const json = (one) => (one ? JSON.parse(JSON.stringify(one)) : null);
  const range = (r) => [[].concat(r.state), r.start, r.end, r.asc];

  const ops = {
    ...workers.ops,

    // The queue
    open: async (r) => (await queue(r).isReady(), null),
    pause: async (r) => (await queue(r).pause(), null),
    resume: async (r) => (await queue(r).resume(), null),
    isPaused: (r) => queue(r).isPaused(),
    counts: (r) => queue(r).getJobCounts(),
    ids: async (r) => (await queue(r).getJobs(...range(r))).map(id),
    jobs: async (r) => (await queue(r).getJobs(...range(r))).map(json),
    clean: async (r) => (await queue(r).clean(r.grace ?? 0, r.state ?? 'completed', r.limit)).map(String),
    drain: async (r) => (await queue(r).empty(), null),
    obliterate: async (r) => (await queue(r).obliterate(r.opts), null),
    retryJobs: async (r) => (await queue(r).retryJobs(r.opts), null),
    workers: (r) => queue(r).getWorkers(),
    metrics: (r) => queue(r).getMetrics(r.type ?? 'completed', r.start, r.end),

    // Adding
    add: async (r) => id(r.name === undefined ? await queue(r).add(r.data, r.opts) : await queue(r).add(r.name, r.data, r.opts)),
    addBulk: async (r) => (await queue(r).addBulk(r.jobs)).map(id),

    // One job
    job: async (r) => json(await queue(r).getJob(String(r.job))),
    state: async (r) => (await job(r)).getState(),
    logs: (r) => queue(r).getJobLogs(String(r.job), r.start, r.end, r.asc),
    addLog: async (r) => (await job(r)).log(r.line),
    updateProgress: async (r) => ((await job(r)).progress(r.progress), null),
    updateData: async (r) => (await (await job(r)).update(r.data), null),
    retry: async (r) => (await (await job(r)).retry(), null),
    remove: async (r) => (await (await job(r)).remove(), null),
    promote: async (r) => (await (await job(r)).promote(), null),

    // Repeatables
    addRepeatable: async (r) => id(await queue(r).add(r.name ?? '__default__', r.data, { ...r.opts, repeat: r.repeat })),
    repeatables: (r) => queue(r).getRepeatableJobs(r.start, r.end, r.asc),
    removeRepeatable: async (r) => (await queue(r).removeRepeatableByKey(r.key), null),

    // Workers: each is a Queue of its own, as Bull's users have it
    worker: async (r) => {
      const { manual = false, concurrency = 1, opts } = r;
      const hooks = { progress: (one, step) => one.progress(step), log: (one, line) => one.log(line) };
      const one = workers.start((run, self) => {
        const made = open(r, opts);
        made.on('error', (error) => self.errors.push(error.message));
        // Its promise lasts as long as the worker does.
        if (!manual) made.process('*', concurrency, (task) => run(task, hooks)).catch((e) => self.errors.push(e.message));
        return made;
      }, r);
      await one.worker.isReady();
      return one.handle;
    },
    workerStop: async (r) => {
      const one = workers.get(r.handle);
      if (one.stopped) return null;
      one.stopped = true;
      // Closing says QUIT on the connection that is blocked in a read, and waits 500 ms for the answer.
      if (r.force && one.worker.bclientInitialized) one.worker.bclient.disconnect();
      await one.worker.close(r.force ?? false);
      return null;
    },
    workerPause: async (r) => (await workers.get(r.handle).worker.pause(true, true), null),
    workerResume: async (r) => (await workers.get(r.handle).worker.resume(true), null),
    waitIdle: (r) => waitIdle(() => queue(r).getJobCounts(), r),

    // A worker started with `manual` is driven step by step
    take: async (r) => {
      const one = workers.get(r.handle);
      const next = await one.worker.getNextJob();
      if (next) one.held.set(String(next.id), next);
      return json(next);
    },
    complete: async (r) => {
      await (await job(r)).moveToCompleted(r.value, r.ignoreLock ?? false, !(r.fetchNext ?? false));
      workers.get(r.handle).held.delete(String(r.job));
      return null;
    },
    fail: async (r) => {
      const error = new Error(r.message);
      if (r.stack !== undefined) error.stack = r.stack;
      const held = await job(r);
      if (r.unrecoverable) await held.discard();
      await held.moveToFailed(error, r.ignoreLock ?? false);
      workers.get(r.handle).held.delete(String(r.job));
      return null;
    },
    stalledCheck: async (r) => (await workers.get(r.handle).worker.moveUnlockedJobsToWait(), null),

    // Whatever else the library's own objects can do
    queueCall: async (r) => json(await queue(r)[r.method](...(r.args ?? []))),
    jobCall: async (r) => json(await (await job(r))[r.method](...(r.args ?? []))),
    workerCall: async (r) => json(await workers.get(r.handle).worker[r.method](...(r.args ?? []))),

    closeQueue: async (r) => {
      const found = queues.get(key(r));
      queues.delete(key(r));
      if (found) await found.close();
      return null;
    },
  };

  async function close() {
    await Promise.allSettled([...workers.byHandle.values()].map((one) => one.worker.close(true)));
    await Promise.allSettled([...queues.values()].map((one) => one.close()));
  }

  return { ops, close };
};
