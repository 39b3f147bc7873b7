'use strict';
// What a worker does with a job is written in the job's own data, and what every worker ran is kept.

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

class Workers {
  constructor() {
    this.byHandle = new Map();
    this.next = 1;
  }

  /** Registers a worker; `make(processor)` builds the library's own. */
  start(make, request) {
    const handle = this.next++;
    const one = { handle, ran: [], errors: [], hanging: new Map(), held: new Map(), stopped: false };
    one.worker = make((job, ctl) => this.run(one, job, ctl, request), one);
    this.byHandle.set(handle, one);
    return one;
  }

  get(handle) {
    const one = this.byHandle.get(handle);
    if (!one) throw new Error(`no worker ${handle}`);
    return one;
  }

  held(handle, id) {
    const job = this.get(handle).held.get(String(id));
    if (!job) throw new Error(`worker ${handle} holds no job ${id}`);
    return job;
  }

  async run(one, job, { progress, log }, { defaults = {} }) {
    const entry = { id: String(job.id), name: job.name, attempt: job.attemptsMade, outcome: null };
    one.ran.push(entry);
    const order = { do: 'ok', ...defaults, ...(job.data && typeof job.data === 'object' ? job.data : {}) };
    try {
      for (const step of order.progress ?? []) await progress(job, step);
      for (const line of order.log ?? []) await log(job, line);
      const value = await this.obey(one, job, order);
      entry.outcome = 'ok';
      return value;
    } catch (error) {
      entry.outcome = error.message;
      throw error;
    }
  }

  async obey(one, job, order) {
    switch (order.do) {
      case 'ok':
        return order.return;
      case 'fail':
        throw this.failure(one, job, order);
      case 'failTimes':
        if (one.ran.filter((r) => r.id === String(job.id)).length <= order.n) throw this.failure(one, job, order);
        return order.return;
      case 'sleep':
        await sleep(order.ms);
        return order.return;
      case 'hang': {
        const told = await new Promise((release) => one.hanging.set(String(job.id), release));
        one.hanging.delete(String(job.id));
        if (told.fail !== undefined) throw new Error(told.fail);
        return told.return === undefined ? order.return : told.return;
      }
      default:
        throw new Error(`the job's data says do: ${order.do}`);
    }
  }

  failure(one, job, { message = 'boom', unrecoverable = false }) {
    // Bull has no error for this; it asks the job to give up instead.
    if (unrecoverable && !one.Unrecoverable) job.discard();
    const Kind = unrecoverable && one.Unrecoverable ? one.Unrecoverable : Error;
    return new Kind(message);
  }

  /** Lets jobs that hang go on: the job `job`, or all of the worker's. Returns their ids. */
  release({ handle, job, fail, return: value }) {
    const { hanging } = this.get(handle);
    const ids = job === undefined ? [...hanging.keys()] : [String(job)];
    for (const id of ids) {
      if (!hanging.has(id)) throw new Error(`job ${id} does not hang in worker ${handle}`);
      hanging.get(id)({ fail, return: value });
    }
    return ids;
  }

  /** The ops that need nothing of the library. */
  get ops() {
    return {
      workersLeft: () => [...this.byHandle.values()].filter((one) => !one.stopped).length,
      workerRan: ({ handle }) => this.get(handle).ran,
      workerErrors: ({ handle }) => this.get(handle).errors,
      hanging: ({ handle }) => [...this.get(handle).hanging.keys()],
      waitHanging: async ({ handle, n = 1, timeoutMs = 10000 }) => {
        const { hanging } = this.get(handle);
        await until(() => hanging.size >= n, timeoutMs, () => `${hanging.size} of ${n} jobs hang`);
        return [...hanging.keys()];
      },
      release: (request) => this.release(request),
    };
  }
}

/** Asks `done` every few milliseconds until it says yes; the timers are real even if Date is held. */
async function until(done, timeoutMs, tell) {
  const end = process.hrtime.bigint() + BigInt(timeoutMs) * 1000000n;
  for (;;) {
    if (await done()) return;
    if (process.hrtime.bigint() > end) throw new Error(`not in ${timeoutMs} ms: ${await tell()}`);
    await sleep(5);
  }
}

/** Waits until nothing waits and nothing runs; with `delayed`, nothing is delayed or waits for children either. */
async function waitIdle(counts, { timeoutMs = 10000, delayed = false }) {
  const busy = (c) =>
    (c.waiting ?? c.wait ?? 0) +
    (c.active ?? 0) +
    (c.prioritized ?? 0) +
    (delayed ? (c.delayed ?? 0) + (c['waiting-children'] ?? 0) : 0);
  await until(async () => busy(await counts()) === 0, timeoutMs, async () => JSON.stringify(await counts()));
  return counts();
}

module.exports = { Workers, until, waitIdle };
