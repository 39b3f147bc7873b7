'use strict';
// What the benches of reading commands have in common: a server of their own, a bystander beside it, and a
// command that is measured.

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const [server, toril, ...rest] = process.argv.slice(2);
/** How long the bystander is alone before each command. */
const IDLE_MS = 3000;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** The value of `--name`, or what is usual. */
function flag(name, usual) {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? usual : rest[at + 1];
}

const bulk = (word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`;
/** A command as it stands on the wire. */
const command = (...words) => `*${words.length}\r\n${words.map(bulk).join('')}`;

/** A socket to the server. */
const connect = (port) =>
  new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', fail);
    socket.on('connect', () => done(socket));
  });

/** The raw answer to a command. */
async function ask(port, ...words) {
  const socket = await connect(port);
  socket.write(command(...words) + command('PING'));
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.endsWith('+PONG\r\n')) break;
  }
  socket.destroy();
  return text;
}

async function info(port) {
  const text = await ask(port, 'INFO');
  return Object.fromEntries(text.split('\r\n').filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/, 2)));
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

/** Runs `toril` with these arguments: what it printed, what the bystander felt, what Redis and we took. */
async function measure({ port, bystander }, args) {
  await bystander();
  await wait(IDLE_MS);
  const idle = await bystander();
  const before = await info(port);
  const began = process.hrtime.bigint();
  const child = spawn(toril, args, {
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
  if (code !== 0) throw new Error(`${args}: code ${code}, ${said}`);
  const cpu = ['used_cpu_user', 'used_cpu_sys'].reduce((sum, name) => sum + Number(after[name]) - Number(before[name]), 0);
  return { out, figures: { seconds, idle, during, cpu, memoryMb: memory() / 1024 } };
}

/** The medians of some runs in the cells of a table that all such tables have. */
function columns(runs) {
  const of = (get) => {
    const values = runs.map(get).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)];
  };
  return {
    of,
    seconds: of((run) => run.seconds).toFixed(2),
    perSecond: Math.round(of((run) => run.perSecond)).toLocaleString('en'),
    p99: `${of((run) => run.idle.p99).toFixed(2)} → ${of((run) => run.during.p99).toFixed(2)}`,
    ratio: of((run) => run.during.p99 / run.idle.p99).toFixed(1),
    cpu: `${of((run) => run.cpu).toFixed(2)} s`,
    core: `${Math.round(of((run) => run.cpu / run.seconds) * 100)} %`,
    memory: of((run) => run.memoryMb).toFixed(0),
  };
}

/** Starts a server and a bystander, does what there is to do with them, and takes them away. */
async function withServer(fill, work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'toril-bench-'));
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
    await fill(port);
    const { used_memory_human: used, redis_version: version } = await info(port);
    process.stderr.write(`${used} in Redis ${version}\n`);
    watcher = spawn(process.execPath, [path.join(__dirname, 'bulk/bystander.js'), port], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readline.createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
    const bystander = async () => {
      watcher.stdin.write('\n');
      return JSON.parse((await lines.next()).value);
    };
    await work({ port, bystander, version, program: spawnSync(toril, ['--version']).stdout.toString().trim() });
  } finally {
    watcher?.kill();
    redis.kill();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps what was measured, where `--json` names a file. */
function keep(document) {
  const file = flag('json', '');
  if (file) fs.writeFileSync(file, JSON.stringify(document, null, 1));
}

/** Ends the program with what went wrong. */
function failed(error) {
  console.error(error);
  process.exitCode = 1;
}

module.exports = { ask, columns, command, connect, failed, flag, keep, measure, wait, withServer };
