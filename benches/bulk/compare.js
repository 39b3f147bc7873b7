'use strict';
// Runs the acts in rotation against one server of its own and prints the tables; see README.md.
//
//   node compare.js SERVER-PROGRAM TORIL [--rounds N] [--only ACT,..] [--by WHO,..] [--scale F] [--json FILE]

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { Redis } = require('ioredis');

const [server, toril, ...rest] = process.argv.slice(2);
const flag = (name, usual) => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? usual : rest[at + 1];
};
const rounds = Number(flag('rounds', 3));
const scale = Number(flag('scale', 1));
const only = flag('only', '').split(',').filter(Boolean);
const by = flag('by', '').split(',').filter(Boolean);
/** How long the bystander is alone with the live queue before each act. */
const IDLE_MS = 3000;
/** Jobs a second of the live queue. */
const LIVE = 200;
/** Commands from here on are in the slow log, with who sent them, µs. */
const SLOW = 200;

const QUEUE = 'bulk';
const ours = (...args) => ({ program: toril, args: [...args, '--yes', '--confirm', QUEUE, '--json'] });
const others = (who, what) => ({ program: process.execPath, args: [who, what] });
const drain = {
  'toril': ours('drain', QUEUE, '--no-save'),
  'toril, saving': ours('drain', QUEUE, '--save-limit', '4096'),
  'BullMQ': others('bullmq', 'drain'),
  'Bull Board': others('board', 'drain'),
};
const retry = {
  'toril': ours('retry', QUEUE, '--all'),
  'toril --full-speed': ours('retry', QUEUE, '--all', '--full-speed'),
  'BullMQ': others('bullmq', 'retry'),
  'Bull Board': others('board', 'retry'),
};
const ACTS = [
  { name: 'drain', title: 'empty 200,000 waiting', jobs: 200000, state: 'wait', by: drain },
  { name: 'drain-million', title: 'empty 1,000,000 waiting', jobs: 1000000, state: 'wait', by: drain },
  {
    name: 'clean', title: 'clean 200,000 failed', jobs: 200000, state: 'failed',
    by: {
      'toril': ours('clean', QUEUE, '--state', 'failed', '--no-save'),
      'toril, saving': ours('clean', QUEUE, '--state', 'failed', '--save-limit', '4096'),
      'BullMQ': others('bullmq', 'clean'),
      'Bull Board': others('board', 'clean'),
    },
  },
  { name: 'retry', title: 'retry 100,000 failed', jobs: 100000, state: 'failed', by: retry },
  {
    name: 'retry-live', title: 'retry 100,000 failed, worked on meanwhile', jobs: 100000, state: 'failed', by: retry,
    live: QUEUE,
  },
].filter(({ name }) => !only.length || only.includes(name));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const children = new Set();
const folders = [];
process.on('exit', () => {
  children.forEach((child) => child.kill('SIGKILL'));
  folders.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true }));
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

function folder() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'toril-bench-'));
  folders.push(made);
  return made;
}

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port === 6379 ? freePort() : port));
    });
  });
}

async function start() {
  const port = await freePort();
  const settings = [
    '--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder(),
    '--slowlog-log-slower-than', SLOW, '--slowlog-max-len', 1000000,
  ];
  const child = spawn(server, settings.map(String), { argv0: 'redis-server', stdio: 'ignore' });
  children.add(child);
  child.once('exit', () => process.exit(1));
  const redis = new Redis(port, '127.0.0.1', { connectionName: 'bench', maxRetriesPerRequest: null });
  redis.on('error', () => {});
  await redis.ping();
  return { port, redis };
}

/** A program beside us that is told lines and answers with lines. */
function launch(program, args, env = {}) {
  const child = spawn(program, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  children.add(child);
  const said = [];
  let text = '';
  let wake = () => {};
  child.stdout.on('data', (data) => {
    const parts = (text + data).split('\n');
    text = parts.pop();
    said.push(...parts);
    wake();
  });
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      children.delete(child);
      resolve(code);
      wake();
    });
  });
  const line = async () => {
    while (!said.length) {
      if (child.exitCode !== null) throw new Error(`${program} ${args.join(' ')} ended (${child.exitCode})`);
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    return said.shift();
  };
  return { line, ended, tell: (word) => child.stdin.write(`${word}\n`), end: () => child.stdin.end() };
}

/** Jobs `ARGV[1]` to `ARGV[2]` as BullMQ 6.7 leaves them, added at `ARGV[3]` and, if they failed, failed at `ARGV[4]`. */
const SEED = `
local ids = {}
for id = ARGV[1], ARGV[2] do
  local job = KEYS[1] .. id
  redis.call('HSET', job, 'name', 'mail', 'data', ARGV[5], 'opts', '{"attempts":1}', 'timestamp', ARGV[3], 'delay', 0, 'priority', 0)
  if ARGV[4] ~= '' then
    redis.call('HSET', job, 'atm', 1, 'ats', 1, 'processedOn', ARGV[4], 'finishedOn', ARGV[4], 'failedReason',
      'no route to host', 'stacktrace', ARGV[6])
    ids[#ids + 1] = ARGV[4]
  end
  ids[#ids + 1] = tostring(id)
end
redis.call(ARGV[4] ~= '' and 'ZADD' or 'LPUSH', KEYS[2], unpack(ids))`;

/** Added an hour ago and, if they failed, failed ten minutes ago. */
async function seed(redis, { jobs, state }) {
  await redis.flushall('ASYNC');
  await redis.hset(`bull:${QUEUE}:meta`, 'opts.maxLenEvents', 10000, 'version', 'bullmq:6.7.0');
  await redis.set(`bull:${QUEUE}:id`, jobs);
  // Without a stream of events it would be a queue of Bull.
  await redis.xadd(`bull:${QUEUE}:events`, '*', 'event', 'added', 'jobId', '1', 'name', 'mail');
  const [added, failed] = [Date.now() - 3600000, state === 'failed' ? Date.now() - 600000 : ''];
  const data = JSON.stringify({ to: 'someone@example.com', template: 'welcome', n: 12345, tags: ['a', 'b'] });
  const stack = '["Error: no route to host\\n    at Object.send (/app/mail.js:10:9)"]';
  for (let from = 1; from <= jobs; from += 2000) {
    const to = Math.min(jobs, from + 1999);
    await redis.eval(SEED, 2, `bull:${QUEUE}:`, `bull:${QUEUE}:${state}`, from, to, added, failed, data, stack);
  }
}

/** CPU of Redis so far, ms. */
async function cpu(redis) {
  const info = await redis.info('cpu');
  const field = (name) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)[1]);
  return (field('used_cpu_user') + field('used_cpu_sys')) * 1e3;
}

/** The slow log: what the act sent (its connections are not called as ours are), ms. */
async function slow(redis) {
  const all = await redis.slowlog('GET', -1);
  const own = all.filter(([, , , , , name]) => !['bench', 'bystander'].includes(name));
  const took = own.map(([, , us]) => us / 1000);
  // Not by spreading: there may be more of them than a call takes arguments.
  return {
    longest: took.reduce((most, ms) => Math.max(most, ms), 0),
    over5: took.filter((ms) => ms > 5).length,
    logged: took.length,
    sum: took.reduce((sum, ms) => sum + ms, 0),
  };
}

const left = (redis, { state }) => (state === 'wait' ? redis.llen(`bull:${QUEUE}:wait`) : redis.zcard(`bull:${QUEUE}:failed`));

async function measure({ port, redis }, act, who) {
  await seed(redis, act);
  const { program, args } = act.by[who];
  const isOurs = program === toril;
  const actor = isOurs ? null : launch(program, [path.join(__dirname, 'others.js'), port, ...args, QUEUE]);
  if (actor) await actor.line();
  const live = launch(process.execPath, [path.join(__dirname, 'others.js'), port, 'live', LIVE, act.live ?? 'live']);
  const bystander = launch(process.execPath, [path.join(__dirname, 'bystander.js'), port]);
  await live.line();
  // What a start costs counts for nobody.
  await sleep(1500);
  const count = async () => {
    bystander.tell('');
    return JSON.parse(await bystander.line());
  };
  await count();
  const before = [await cpu(redis), process.hrtime.bigint()];
  await sleep(IDLE_MS);
  const idle = await count();
  await redis.slowlog('RESET');
  const began = [await cpu(redis), process.hrtime.bigint()];
  const there = await left(redis, act);
  let report;
  if (isOurs) {
    const state = folder();
    const run = launch(program, ['-u', `redis://127.0.0.1:${port}`, ...args], {
      XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, TORIL_URL: '', REDIS_URL: '',
    });
    const code = await run.ended;
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
    report = await run.line();
    const kept = path.join(state, 'toril', 'trash');
    if (fs.existsSync(kept)) {
      report += fs.readdirSync(kept).map((file) => ` ${fs.statSync(path.join(kept, file)).size} bytes saved`).join('');
    }
    fs.rmSync(state, { recursive: true, force: true });
  } else {
    actor.tell('go');
    if ((await actor.line()) !== 'done') throw new Error('not done');
  }
  const ended = [await cpu(redis), process.hrtime.bigint()];
  const during = await count();
  const log = await slow(redis);
  const rest = await left(redis, act);
  for (const each of [live, bystander]) each.end();
  if (actor) await actor.ended;
  await Promise.all([live.ended, bystander.ended]);
  const ms = Number(ended[1] - began[1]) / 1e6;
  const idleMs = Number(began[1] - before[1]) / 1e6;
  const used = ended[0] - began[0] - ((began[0] - before[0]) / idleMs) * ms;
  if (rest > there / 1000) throw new Error(`${who} left ${rest} of ${there}: ${report}`);
  return { ms, cpu: used, share: used / ms, ...log, idle, during, report };
}

const median = (values) => {
  const sorted = values.toSorted ? values.toSorted((a, b) => a - b) : [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function table(act, results) {
  const of = (who, figure) => median(results.map((round) => figure(round[who], round)));
  const names = Object.keys(results[0]);
  const row = (who) => [
    who,
    of(who, (r) => r.ms / 1000).toFixed(2),
    of(who, (r) => r.longest).toFixed(1),
    of(who, (r) => r.over5).toFixed(0),
    of(who, (r) => r.idle.p99).toFixed(2),
    of(who, (r) => r.during.p99).toFixed(2),
    of(who, (r) => r.during.p99 / r.idle.p99).toFixed(2),
    of(who, (r) => r.idle.worst).toFixed(1),
    of(who, (r) => r.during.worst).toFixed(1),
    of(who, (r) => r.cpu / 1000).toFixed(2),
    `${of(who, (r) => r.share * 100).toFixed(0)} %`,
    ...names.filter((other) => !other.startsWith('toril'))
      .map((other) => (who.startsWith('toril') ? of(who, (r, round) => r.ms / round[other].ms).toFixed(2) : '')),
  ];
  const head = ['', 's', 'longest command', 'over 5 ms', 'p99 idle', 'p99', 'ratio', 'worst idle', 'worst', 'Redis CPU s', 'share',
    ...names.filter((other) => !other.startsWith('toril')).map((other) => `s : ${other}`)];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [`### ${act.title}${scale === 1 ? '' : ` (× ${scale})`}`, '', line(head), `|---|${head.slice(1).map(() => '--:|').join('')}`,
    ...names.map((who) => line(row(who)))].join('\n');
}

async function main() {
  const running = await start();
  const results = Object.fromEntries(ACTS.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const act of ACTS.map((each) => ({ ...each, jobs: Math.max(100, Math.round(each.jobs * scale)) }))) {
      const names = Object.keys(act.by).filter((who) => !by.length || by.includes(who));
      const figures = {};
      // Each round another one begins, so that none always runs behind the same neighbour.
      for (let turn = 0; turn < names.length; turn++) {
        const who = names[(turn + round) % names.length];
        const one = await measure(running, act, who);
        figures[who] = one;
        process.stderr.write(
          `round ${round + 1}, ${act.name}, ${who}: ${(one.ms / 1000).toFixed(2)} s, longest ${one.longest.toFixed(1)} ms, ` +
            `p99 ${one.idle.p99.toFixed(2)} -> ${one.during.p99.toFixed(2)} ms, worst ${one.idle.worst.toFixed(1)} -> ` +
            `${one.during.worst.toFixed(1)} ms, Redis ${(one.cpu / 1000).toFixed(2)} s (${(one.share * 100).toFixed(0)} %)` +
            `, load ${os.loadavg()[0].toFixed(1)}\n`,
        );
      }
      results[act.name].push(Object.fromEntries(names.map((who) => [who, figures[who]])));
    }
  }
  const version = /redis_version:(\S+)/.exec(await running.redis.info('server'))[1];
  const file = flag('json', '');
  if (file) fs.writeFileSync(file, JSON.stringify(results, null, 1));
  process.stdout.write(
    `Medians of ${rounds} rounds, ms where nothing else is said; Redis ${version}, ${os.availableParallelism()} cores; ` +
      `load now ${os.loadavg()[0].toFixed(1)}.\n\n${ACTS.map((act) => table(act, results[act.name])).join('\n\n')}\n`,
  );
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
