'use strict';
// Runs the programs in rotation against one server of its own and prints the table; see README.md.
//
//   node compare.js SERVER-PROGRAM OURS OFFICIAL [--rounds N] [--only MEASURE,..] [--scale F] [--json FILE]

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const [server, ours, official, ...rest] = process.argv.slice(2);
const flag = (name, usual) => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? usual : rest[at + 1];
};
const rounds = Number(flag('rounds', 5));
const scale = Number(flag('scale', 1));
const only = flag('only', '').split(',').filter(Boolean);
const IDLE_MS = Number(flag('idle-ms', 15000));

const PROGRAMS = {
  ours: [ours, []],
  node: [process.execPath, [path.join(__dirname, 'node.js')]],
  official: [official, []],
};
const MEASURES = [
  { name: 'add, awaited', kind: 'add', jobs: 10000, size: 1 },
  { name: 'add, 100 in flight', kind: 'add', jobs: 30000, size: 100 },
  { name: 'addBulk 1000', kind: 'bulk', jobs: 50000, size: 1000 },
  { name: 'work at 1', kind: 'work', jobs: 10000, size: 1 },
  { name: 'work at 10', kind: 'work', jobs: 30000, size: 10 },
  { name: 'work at 100', kind: 'work', jobs: 30000, size: 100 },
  { name: 'idle', kind: 'idle', jobs: 1, size: 1 },
].filter((measure) => !only.length || only.includes(measure.name) || only.includes(measure.kind));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** A connection for what is measured: few commands, one at a time, as they are written here. */
class Redis {
  static open(port) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new Redis(socket)));
      socket.once('error', reject);
    });
  }

  constructor(socket) {
    this.socket = socket.setNoDelay(true);
    this.seen = '';
    this.waiting = [];
    socket.on('data', (data) => {
      this.seen += data;
      for (let reply = this.take(); reply !== undefined; reply = this.take()) this.waiting.shift()(reply);
    });
  }

  take() {
    const end = this.seen.indexOf('\r\n');
    if (end < 0) return undefined;
    let [text, next] = [this.seen.slice(1, end), end + 2];
    if (this.seen[0] === '$') {
      const length = Number(text);
      if (this.seen.length < next + length + 2) return undefined;
      text = this.seen.slice(next, next + length);
      next += length + 2;
    }
    this.seen = this.seen.slice(next);
    return text;
  }

  call(line) {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.socket.write(`${line}\r\n`);
    });
  }

  /** What the server has spent: CPU in µs, and commands but ours. */
  async spent() {
    const info = await this.call('INFO everything');
    const field = (name) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)[1]);
    return {
      cpu: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6,
      commands: field('total_commands_processed'),
      scripts: [...info.matchAll(/^cmdstat_(evalsha|eval|fcall):calls=(\d+),usec=(\d+)/gm)]
        .reduce((sum, [, , calls, usec]) => ({ calls: sum.calls + Number(calls), usec: sum.usec + Number(usec) }),
          { calls: 0, usec: 0 }),
    };
  }
}

async function start() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'toril-bench-'));
  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
  for (;;) {
    const port = await freePort();
    const child = spawn(
      server,
      ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir].map(String),
      { argv0: 'redis-server', stdio: 'ignore' },
    );
    children.add(child);
    child.once('exit', () => children.delete(child));
    for (let tries = 0; tries < 500 && child.exitCode === null; tries++) {
      await sleep(10);
      try {
        return { port, redis: await Redis.open(port) };
      } catch {
        // Not listening yet.
      }
    }
    if (child.exitCode === null) throw new Error('the server does not answer');
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port === 6379 ? freePort() : port));
    });
  });
}

/** A program under measure; `said` is its next word. */
function launch(name, port, measure, jobs) {
  const [program, args] = PROGRAMS[name];
  const child = spawn(program, [...args, port, measure.kind, jobs, measure.size].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  const words = [];
  let wake = () => {};
  child.stdout.on('data', (data) => {
    words.push(...String(data).split('\n').filter(Boolean));
    wake();
  });
  const ended = new Promise((resolve) => child.once('exit', (code) => {
    children.delete(child);
    resolve(code);
    wake();
  }));
  return {
    pid: child.pid,
    ended,
    tell: (word) => child.stdin.write(`${word}\n`),
    end: () => child.stdin.end(),
    said: async (word) => {
      while (!words.length) {
        if (child.exitCode !== null) throw new Error(`${name} ended (${child.exitCode}) before "${word}"`);
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      const heard = words.shift();
      if (heard !== word) throw new Error(`${name} said ${heard}, not ${word}`);
    },
  };
}

/** CPU of a process in µs; absent where the system has no /proc. */
function clientCpu(pid) {
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 1e4;
  } catch {
    return NaN;
  }
}

async function measureOnce({ port, redis }, name, measure) {
  await redis.call('FLUSHALL');
  const jobs = Math.max(measure.size, Math.round(measure.jobs * scale));
  const program = launch(name, port, measure, jobs);
  await program.said('ready');
  let before = await redis.spent();
  let mine = clientCpu(program.pid);
  let began = process.hrtime.bigint();
  program.tell('go');
  await program.said('done');
  if (measure.kind === 'idle') {
    // What a start costs does not count.
    await sleep(1500);
    [before, mine, began] = [await redis.spent(), clientCpu(program.pid), process.hrtime.bigint()];
    await sleep(IDLE_MS);
  } else if (measure.kind === 'work') {
    // The last handler has run; the work is done when Redis holds all jobs as completed.
    while (Number(await redis.call('ZCARD bull:bench:completed')) < jobs) await sleep(0);
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const after = await redis.spent();
  const own = clientCpu(program.pid) - mine;
  program.end();
  await program.ended;
  const cpu = after.cpu - before.cpu;
  const scripts = { calls: after.scripts.calls - before.scripts.calls, usec: after.scripts.usec - before.scripts.usec };
  if (measure.kind === 'idle') {
    return { perSecond: (after.commands - before.commands - 1) / seconds, redis: cpu / seconds, client: own / seconds };
  }
  return {
    perSecond: jobs / seconds,
    redis: cpu / jobs,
    client: own / jobs,
    script: scripts.usec / jobs,
    calls: scripts.calls / jobs,
  };
}

const median = (values) => {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function table(results) {
  const names = Object.keys(PROGRAMS);
  const over = (measure, figure, a, b) => median(results[measure].map((round) => round[a][figure] / round[b][figure]));
  const of = (measure, figure, name) => median(results[measure].map((round) => round[name][figure]));
  const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '-');
  const rows = [
    ['', ...names.map((name) => `${name} /s`), 'ours:node', 'ours:official',
      ...names.map((name) => `${name} µs`), 'ours:node', 'ours:official'],
  ];
  for (const { name, kind } of MEASURES) {
    const idle = kind === 'idle';
    rows.push([
      idle ? 'idle: commands, Redis µs/s' : name,
      ...names.map((each) => fixed(of(name, 'perSecond', each), idle ? 2 : 0)),
      ...['node', 'official'].map((each) => fixed(over(name, 'perSecond', 'ours', each), 2)),
      ...names.map((each) => fixed(of(name, 'redis', each), idle ? 0 : 1)),
      ...['node', 'official'].map((each) => fixed(over(name, 'redis', 'ours', each), 2)),
    ]);
  }
  const detail = [['', ...['client µs', 'in scripts µs', 'script calls'].flatMap((what) => names.map((name) => `${name} ${what}`))]];
  for (const { name, kind } of MEASURES) {
    if (kind === 'idle') continue;
    detail.push([name, ...[['client', 1], ['script', 1], ['calls', 3]]
      .flatMap(([figure, digits]) => names.map((each) => fixed(of(name, figure, each), digits)))]);
  }
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = (cells) => `|---|${cells.slice(1).map(() => '--:|').join('')}`;
  const print = ([head, ...lines]) => [line(head), rule(head), ...lines.map(line)].join('\n');
  return `${print(rows)}\n\n${print(detail)}\n`;
}

async function main() {
  const running = await start();
  const results = Object.fromEntries(MEASURES.map(({ name }) => [name, []]));
  const names = Object.keys(PROGRAMS);
  for (let round = 0; round < rounds; round++) {
    for (const measure of MEASURES) {
      const figures = {};
      // Each round another one begins, so that none always runs behind the same neighbour.
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + round) % names.length];
        figures[name] = await measureOnce(running, name, measure);
      }
      results[measure.name].push(figures);
      const brief = names.map((name) => `${name} ${figures[name].perSecond.toFixed(measure.kind === 'idle' ? 2 : 0)}`);
      process.stderr.write(`round ${round + 1}, ${measure.name}: ${brief.join(', ')}\n`);
    }
  }
  const version = /redis_version:(\S+)/.exec(await running.redis.call('INFO server'))[1];
  const file = flag('json', '');
  if (file) fs.writeFileSync(file, JSON.stringify(results, null, 1));
  process.stdout.write(
    `Medians of ${rounds} rounds; Redis ${version}, ${os.availableParallelism()} cores; load now ${os.loadavg()[0].toFixed(1)}. ` +
      'Ratios are medians of the rounds\' own ratios. /s: jobs per second; µs: CPU of Redis per job.\n\n' + table(results),
  );
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
