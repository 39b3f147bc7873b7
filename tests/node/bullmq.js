'use strict';
// BullMQ 4, 5 and 6 behind the tests' vocabulary. `opts` always passes through untouched.

const fs = require('node:fs');
const path = require('node:path');

const { Workers, waitIdle } = require('./workers');

module.exports = (lib, socket) => {
  const { Queue, Worker, FlowProducer, UnrecoverableError } = require(lib);
  const queues = new Map();
  const flows = new Map();
  const workers = new Workers();

  const base = (prefix = 'bull') => ({
    connection: { path: socket, maxRetriesPerRequest: null },
    prefix,
    skipVersionCheck: true,
  });
  const key = ({ prefix = 'bull', queue }) => `${prefix}:${queue}`;

  /** The cached Queue. Making one writes `meta`; `queueOpts` counts only the first time. */
  function queue(request) {
    if (typeof request.queue !== 'string') throw new Error(`op ${request.op} wants a queue`);
    if (!queues.has(key(request))) {
      const made = new Queue(request.queue, { ...base(request.prefix), ...request.queueOpts });
      made.on('error', (error) => process.stderr.write(`driver: queue: ${error.message}\n`));
      queues.set(key(request), made);
    }
    return queues.get(key(request));
  }

  function flow({ prefix = 'bull' }) {
    if (!flows.has(prefix)) flows.set(prefix, new FlowProducer(base(prefix)));
    return flows.get(prefix);
  }

  async function job(request) {
    if (request.handle !== undefined) return workers.held(request.handle, request.job);
    const found = await queue(request).getJob(String(request.job));
    if (!found) throw new Error(`no job ${request.job} in ${request.queue}`);
    return found;
  }

  const id = (one) => (one ? one.id : null);
  const json = (one) => (one ? JSON.parse(JSON.stringify(one)) : null);
  const nodes = ({ job: one, children }) => ({
    id: one.id,
    queue: one.queueName,
    name: one.name,
    ...(children && { children: children.map(nodes) }),
  });

  function startWorker(request) {
    const { manual = false, concurrency = 1, name, opts } = request;
    const make = (run, one) => {
      one.Unrecoverable = UnrecoverableError;
      const hooks = {
        progress: (one_, step) => one_.updateProgress(step),
        log: (one_, line) => one_.log(line),
      };
      const made = new Worker(request.queue, manual ? null : (one_) => run(one_, hooks), {
        ...base(request.prefix),
        concurrency,
        ...(name !== undefined && { name }),
        ...(manual && { autorun: false }),
        ...opts,
      });
      made.on('error', (error) => one.errors.push(error.message));
      made.on('failed', () => {});
      return made;
    };
    return workers.start(make, request);
  }

  const hold = (one, next) => {
    if (next) one.held.set(String(next.id), next);
    return json(next);
  };

  const ops = {
    ...workers.ops,

    // The queue
    open: async (r) => (await queue(r).waitUntilReady(), null),
    pause: (r) => queue(r).pause(),
    resume: (r) => queue(r).resume(),
    isPaused: (r) => queue(r).isPaused(),
    counts: (r) => queue(r).getJobCounts(...(r.states ?? [])),
    ids: async (r) => (await queue(r).getJobs(r.state, r.start, r.end, r.asc)).map(id),
    jobs: async (r) => (await queue(r).getJobs(r.state, r.start, r.end, r.asc)).map(json),
    clean: (r) => queue(r).clean(r.grace ?? 0, r.limit ?? 0, r.state ?? 'completed'),
    drain: (r) => queue(r).drain(r.delayed ?? false),
    obliterate: (r) => queue(r).obliterate(r.opts),
    retryJobs: (r) => queue(r).retryJobs(r.opts),
    promoteJobs: (r) => queue(r).promoteJobs(r.opts),
    workers: (r) => queue(r).getWorkers(),
    metrics: (r) => queue(r).getMetrics(r.type ?? 'completed', r.start, r.end),
    setGlobalConcurrency: (r) => queue(r).setGlobalConcurrency(r.concurrency),
    setGlobalRateLimit: (r) => queue(r).setGlobalRateLimit(r.max, r.duration),
    rateLimit: (r) => queue(r).rateLimit(r.ms),
    rateLimitTtl: (r) => queue(r).getRateLimitTtl(r.max),

    // Adding
    add: async (r) => id(await queue(r).add(r.name ?? 'job', r.data, r.opts)),
    addBulk: async (r) => (await queue(r).addBulk(r.jobs)).map(id),
    flow: async (r) => nodes(await flow(r).add(r.tree, r.opts)),
    flowBulk: async (r) => (await flow(r).addBulk(r.trees)).map(nodes),
    getFlow: async (r) =>
      nodes(await flow(r).getFlow({ queueName: r.queue, id: r.job, prefix: r.prefix, ...r.opts })),

    // One job
    job: async (r) => json(await queue(r).getJob(String(r.job))),
    state: (r) => queue(r).getJobState(String(r.job)),
    logs: (r) => queue(r).getJobLogs(String(r.job), r.start, r.end, r.asc),
    addLog: (r) => queue(r).addJobLog(String(r.job), r.line, r.keep),
    updateProgress: async (r) => (await job(r)).updateProgress(r.progress),
    updateData: async (r) => (await job(r)).updateData(r.data),
    retry: async (r) => (await job(r)).retry(r.state, r.opts),
    remove: (r) => queue(r).remove(String(r.job), { removeChildren: r.removeChildren ?? true }),
    promote: async (r) => (await job(r)).promote(),
    changePriority: async (r) => (await job(r)).changePriority({ priority: r.priority, lifo: r.lifo }),
    changeDelay: async (r) => (await job(r)).changeDelay(r.delay),
    dependencies: async (r) => (await job(r)).getDependencies(r.opts),
    dependenciesCount: async (r) => (await job(r)).getDependenciesCount(r.opts),
    childrenValues: async (r) => (await job(r)).getChildrenValues(),

    // Schedulers
    upsertScheduler: async (r) => id(await queue(r).upsertJobScheduler(r.scheduler, r.repeat, r.template)),
    schedulers: (r) => queue(r).getJobSchedulers(r.start, r.end, r.asc),
    removeScheduler: (r) => queue(r).removeJobScheduler(r.scheduler),
    addRepeatable: async (r) => id(await queue(r).add(r.name ?? 'job', r.data, { ...r.opts, repeat: r.repeat })),
    repeatables: (r) => queue(r).getRepeatableJobs(r.start, r.end, r.asc),
    removeRepeatable: (r) => queue(r).removeRepeatableByKey(r.key),

    // Workers
    worker: async (r) => {
      const one = startWorker(r);
      await one.worker.waitUntilReady();
      return one.handle;
    },
    workerStop: async (r) => {
      const one = workers.get(r.handle);
      if (one.stopped) return null;
      one.stopped = true;
      await one.worker.close(r.force ?? false);
      return null;
    },
    workerPause: (r) => workers.get(r.handle).worker.pause(true),
    workerResume: (r) => workers.get(r.handle).worker.resume(),
    waitIdle: (r) => waitIdle(() => queue(r).getJobCounts(), r),

    // A worker started with `manual` is driven step by step. A finish with `fetchNext` answers what
    // the library does, which is the next job's raw data; that job is not held here.
    take: async (r) => {
      const one = workers.get(r.handle);
      return hold(one, await one.worker.getNextJob(r.token ?? 'token', { block: false }));
    },
    complete: async (r) => {
      const next = await (await job(r)).moveToCompleted(r.value, r.token ?? 'token', r.fetchNext ?? false);
      workers.get(r.handle).held.delete(String(r.job));
      return json(next);
    },
    fail: async (r) => {
      const error = r.unrecoverable ? new UnrecoverableError(r.message) : new Error(r.message);
      if (r.stack !== undefined) error.stack = r.stack;
      const next = await (await job(r)).moveToFailed(error, r.token ?? 'token', r.fetchNext ?? false);
      workers.get(r.handle).held.delete(String(r.job));
      return json(next);
    },
    stalledCheck: async (r) => json(await workers.get(r.handle).worker.moveStalledJobsToWait()),

    // Whatever else the library's own objects can do
    queueCall: async (r) => json(await queue(r)[r.method](...(r.args ?? []))),
    jobCall: async (r) => json(await (await job(r))[r.method](...(r.args ?? []))),
    workerCall: async (r) => json(await workers.get(r.handle).worker[r.method](...(r.args ?? []))),

    closeQueue: async (r) => {
      const open = queues.get(key(r));
      queues.delete(key(r));
      if (open) await open.close();
      return null;
    },
  };

  // More of the vocabulary, a file a subject: each is given the library and how to find its objects.
  const context = { lib: require(lib), base, queue, flow, job, workers, hold, id, json };
  for (const file of fs.readdirSync(path.join(__dirname, 'bullmq')).sort()) {
    if (file.endsWith('.js')) Object.assign(ops, require(`./bullmq/${file}`)(context));
  }

  async function close() {
    await Promise.allSettled([...workers.byHandle.values()].map((one) => one.worker.close(true)));
    await Promise.allSettled([...queues.values(), ...flows.values()].map((one) => one.close()));
  }

  return { ops, close };
};
