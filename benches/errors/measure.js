'use strict';
// Fills one server of its own with failures of 40 causes and groups them; see README.md.
//
//   node measure.js SERVER-PROGRAM TORIL [--jobs N] [--rounds N] [--json FILE]

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
const JOBS = Number(flag('jobs', 100000));
const rounds = Number(flag('rounds', 3));
/** How long the bystander is alone before each run. */
const IDLE_MS = 3000;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const ask = async (port, ...words) => {
  const bulk = (word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`;
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`*${words.length}\r\n${words.map(bulk).join('')}*1\r\n$4\r\nPING\r\n`);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.endsWith('+PONG\r\n')) break;
  }
  socket.destroy();
  return text;
};
const info = async (port, section) => {
  const text = await ask(port, 'INFO', section);
  return Object.fromEntries(text.split('\r\n').filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/, 2)));
};

/** Failures as `seed.js` writes them. */
async function fill(port) {
  const seed = spawn(process.execPath, [path.join(__dirname, 'seed.js'), String(JOBS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const socket = net.connect(port, '127.0.0.1');
  socket.resume();
  seed.stdout.pipe(socket, { end: false });
  await new Promise((done) => seed.stdout.on('end', done));
  while (!/^\$\d+\r\n\d/.test(await ask(port, 'GET', 'bull:errors:id'))) await wait(50);
  socket.destroy();
}

/** Largest resident set of a process while it lives, kB. */
function watch(pid) {
  let most = 0;
  const timer = setInterval(() => {
    try {
      const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0));
    } catch {
      // It ended between two looks.
    }
  }, 20);
  return () => {
    clearInterval(timer);
    return most;
  };
}

async function run(port, bystander) {
  await bystander();
  await wait(IDLE_MS);
  const idle = await bystander();
  const before = await info(port, 'cpu');
  const began = process.hrtime.bigint();
  const child = spawn(toril, ['errors', 'errors', '--scan', String(JOBS), '--json'], {
    env: { ...process.env, TORIL_URL: `redis://127.0.0.1:${port}`, HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const memory = watch(child.pid);
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  const code = await new Promise((done) => child.on('close', done));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const during = await bystander();
  const after = await info(port, 'cpu');
  const told = JSON.parse(out);
  if (code !== 0 || told.scanned !== JOBS || !told.complete) {
    throw new Error(`code ${code}, ${told.scanned} of ${JOBS} read`);
  }
  const cpu = ['used_cpu_user', 'used_cpu_sys'].reduce((sum, name) => sum + Number(after[name]) - Number(before[name]), 0);
  return { seconds, perSecond: JOBS / seconds, groups: told.groups.length, idle, during, cpu, memoryMb: memory() / 1024 };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'toril-errors-'));
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
    const { redis_version: version } = await info(port, 'server');
    watcher = spawn(process.execPath, [path.join(__dirname, '../bulk/bystander.js'), port], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
    const bystander = async () => {
      watcher.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    };
    const runs = [];
    for (let round = 0; round < rounds; round += 1) runs.push(await run(port, bystander));
    const load = os.loadavg()[0].toFixed(1);
    const of = (get) => median(runs.map(get));
    console.log(`${JOBS.toLocaleString('en')} failed jobs of 40 causes, ${rounds} rounds, median; load ${load}; Redis ${version}; ${spawnSync(toril, ['--version']).stdout}`);
    console.log('| groups | time, s | jobs/s | bystander p99 idle → during, ms | ratio | Redis CPU | of a core | memory of toril, MB |');
    console.log('|--:|--:|--:|---|--:|--:|--:|--:|');
    console.log(
      `| ${of((run) => run.groups)} | ${of((run) => run.seconds).toFixed(2)} | ${Math.round(of((run) => run.perSecond)).toLocaleString('en')} | ` +
        `${of((run) => run.idle.p99).toFixed(2)} → ${of((run) => run.during.p99).toFixed(2)} | ${of((run) => run.during.p99 / run.idle.p99).toFixed(1)} | ` +
        `${of((run) => run.cpu).toFixed(2)} s | ${Math.round(of((run) => run.cpu / run.seconds) * 100)} % | ${of((run) => run.memoryMb).toFixed(0)} |`,
    );
    const file = flag('json', '');
    if (file) fs.writeFileSync(file, JSON.stringify({ jobs: JOBS, load, runs }, null, 1));
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
