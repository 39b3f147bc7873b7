'use strict';
// Fills one server of its own and searches it in several ways; see README.md.
//
//   node measure.js SERVER-PROGRAM TORIL [--scale F] [--rounds N] [--json FILE]

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const [server, toril, ...rest] = process.argv.slice(2);
const flag = (name, usual) => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? usual : rest[at + 1];
};
const rounds = Number(flag('rounds', 3));
const JOBS = Math.max(1000, Math.round(1e6 * Number(flag('scale', 1))));
/** How long the bystander is alone before each search. */
const IDLE_MS = 3000;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const SEARCHES = [
  { name: 'text, found nowhere', args: ['needle-that-is-nowhere', '--text'], found: 0 },
  { name: 'text, found in every 10,000th', args: ['tenant-4242"', '--text'], found: JOBS / 10000 },
  { name: 'text in any case', args: ['NEEDLE-that-is-nowhere', '--text', '-i'], found: 0 },
  { name: 'jq that a text decides', args: ['--where', '.data.tenant == "tenant-4242"'], found: JOBS / 10000 },
  { name: 'jq over every job', args: ['--where', '.data.n % 10000 == 4242'], found: JOBS / 10000, scan: 5 },
];

/** A reply-counting pipe into the server. */
const connect = (port) =>
  new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', fail);
    socket.on('connect', () => done(socket));
  });

const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const command = (...words) => `*${words.length}\r\n${words.map((word) => bulk(String(word))).join('')}`;

const ask = async (port, ...words) => {
  const socket = await connect(port);
  socket.write(command(...words) + command('PING'));
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.endsWith('+PONG\r\n')) break;
  }
  socket.destroy();
  return text;
};
const info = async (port) => {
  const text = await ask(port, 'INFO');
  return Object.fromEntries(text.split('\r\n').filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/, 2)));
};

/** Failed jobs of a kilobyte, as BullMQ 5 leaves them. */
async function fill(port) {
  const socket = await connect(port);
  socket.resume();
  const pad = 'lorem ipsum dolor sit amet '.repeat(33);
  socket.write(command('HSET', 'bull:bench:meta', 'version', 'bullmq:5.81.5', 'opts.maxLenEvents', 10000));
  let text = '';
  for (let n = 1; n <= JOBS; n += 1) {
    const data = `{"n":${n},"tenant":"tenant-${n % 10000}","text":"${pad.slice(n % 26, 840 + (n % 26))}"}`;
    const at = 1700000000000 + n;
    text += command('HSET', `bull:bench:${n}`, 'name', 'charge', 'data', data, 'opts', '{"attempts":3}', 'timestamp', at,
      'delay', 0, 'priority', 0, 'ats', 3, 'atm', 3, 'processedOn', at + 5, 'finishedOn', at + 40,
      'failedReason', `connect ETIMEDOUT 10.0.0.${n % 250}:443`, 'stacktrace', '["Error: connect ETIMEDOUT"]');
    text += command('ZADD', 'bull:bench:failed', at + 40, n);
    if (text.length > 1 << 20) {
      if (!socket.write(text)) await new Promise((done) => socket.once('drain', done));
      text = '';
    }
  }
  socket.write(text + command('SET', 'filled', 1));
  while (!(await ask(port, 'EXISTS', 'filled')).startsWith(':1')) await wait(50);
  await ask(port, 'DEL', 'filled');
  socket.destroy();
}

/** Largest resident set of a process and its children while they live, kB. */
function watch(pid) {
  let most = 0;
  const one = (id) => {
    const text = fs.readFileSync(`/proc/${id}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0);
  };
  const timer = setInterval(() => {
    try {
      const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
      most = Math.max(most, [pid, ...children].map(one).reduce((a, b) => a + b, 0));
    } catch {
      // It ended between two looks.
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return most;
  };
}

async function search(port, bystander, { args, found, scan }) {
  await bystander();
  await wait(IDLE_MS);
  const idle = await bystander();
  const before = await info(port);
  const jobs = Math.round(JOBS / (scan ?? 1));
  const began = process.hrtime.bigint();
  const child = spawn(toril, ['find', ...args, '-q', 'bench', '--state', 'failed', '--scan', String(jobs), '--limit', '1000000', '--json'], {
    env: { ...process.env, TORIL_URL: `redis://127.0.0.1:${port}`, HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const memory = watch(child.pid);
  let [out, said] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const code = await new Promise((done) => child.on('close', done));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const during = await bystander();
  const after = await info(port);
  const last = JSON.parse(out.trim().split('\n').pop() || '{}');
  if (code !== 0 || last.scanned !== jobs || (!scan && last.found !== Math.floor(found))) {
    throw new Error(`${args}: code ${code}, ${JSON.stringify(last)}, ${said}`);
  }
  const cpu = ['used_cpu_user', 'used_cpu_sys'].reduce((sum, name) => sum + Number(after[name]) - Number(before[name]), 0);
  return { perSecond: jobs / seconds, seconds, idle, during, redisCpu: cpu / seconds, memoryMb: memory() / 1024, found: last.found };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'toril-find-'));
  const port = await new Promise((done) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => done(free));
    });
  });
  const redis = spawn(server, ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], {
    argv0: 'redis-server', stdio: 'ignore',
  });
  let watcher;
  try {
    for (;;) {
      try {
        await ask(port, 'PING');
        break;
      } catch {
        await wait(50);
      }
    }
    process.stderr.write(`filling ${JOBS} jobs ..\n`);
    await fill(port);
    const { used_memory_human: used, redis_version: version } = await info(port);
    process.stderr.write(`${used} in Redis ${version}\n`);
    watcher = spawn(process.execPath, [path.join(__dirname, '../bulk/bystander.js'), port], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
    const bystander = async () => {
      watcher.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    };
    const results = SEARCHES.map((what) => ({ ...what, runs: [] }));
    for (let round = 0; round < rounds; round += 1) {
      for (const result of results) result.runs.push(await search(port, bystander, result));
    }
    const load = os.loadavg()[0].toFixed(1);
    console.log(`${JOBS.toLocaleString('en')} jobs of 1 KB, ${rounds} rounds, median; load ${load}; Redis ${version}; toril ${spawnSync(toril, ['--version']).stdout}`);
    console.log('| search | jobs/s | bystander p99 idle → during, ms | ratio | Redis CPU | memory of toril, MB |');
    console.log('|---|--:|--:|--:|--:|--:|');
    for (const { name, runs } of results) {
      const of = (get) => median(runs.map(get));
      console.log(
        `| ${name} | ${Math.round(of((run) => run.perSecond)).toLocaleString('en')} | ${of((run) => run.idle.p99).toFixed(2)} → ${of((run) => run.during.p99).toFixed(2)} | ` +
          `${of((run) => run.during.p99 / run.idle.p99).toFixed(1)} | ${Math.round(of((run) => run.redisCpu) * 100)} % | ${of((run) => run.memoryMb).toFixed(0)} |`,
      );
    }
    const file = flag('json', '');
    if (file) fs.writeFileSync(file, JSON.stringify({ jobs: JOBS, load, results }, null, 1));
  } finally {
    watcher?.kill();
    redis.kill();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
