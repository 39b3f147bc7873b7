'use strict';
// Fills one server of its own and searches it in several ways; see README.md.
//
//   node measure.js SERVER-PROGRAM TORIL [--scale F] [--rounds N] [--json FILE]

const os = require('node:os');
const { ask, columns, command, connect, failed, flag, keep, measure, wait, withServer } = require('../reading');

const rounds = Number(flag('rounds', 3));
const JOBS = Math.max(1000, Math.round(1e6 * Number(flag('scale', 1))));

const SEARCHES = [
  { name: 'text, found nowhere', args: ['needle-that-is-nowhere', '--text'], found: 0 },
  { name: 'text, found in every 10,000th', args: ['tenant-4242"', '--text'], found: JOBS / 10000 },
  { name: 'text in any case', args: ['NEEDLE-that-is-nowhere', '--text', '-i'], found: 0 },
  { name: 'jq that a text decides', args: ['--where', '.data.tenant == "tenant-4242"'], found: JOBS / 10000 },
  { name: 'jq over every job', args: ['--where', '.data.n % 10000 == 4242'], found: JOBS / 10000, scan: 5 },
];

/** Failed jobs of a kilobyte, as BullMQ 5 leaves them. */
async function fill(port) {
  process.stderr.write(`filling ${JOBS} jobs ..\n`);
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

async function search(place, { args, found, scan }) {
  const jobs = Math.round(JOBS / (scan ?? 1));
  const told = await measure(place, ['find', ...args, '-q', 'bench', '--state', 'failed', '--scan', String(jobs), '--limit', '1000000', '--json']);
  const last = JSON.parse(told.out.trim().split('\n').pop() || '{}');
  if (last.scanned !== jobs || (!scan && last.found !== Math.floor(found))) throw new Error(`${args}: ${JSON.stringify(last)}`);
  return { ...told.figures, perSecond: jobs / told.figures.seconds, found: last.found };
}

withServer(fill, async (place) => {
  const results = SEARCHES.map((what) => ({ ...what, runs: [] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const result of results) result.runs.push(await search(place, result));
  }
  const load = os.loadavg()[0].toFixed(1);
  console.log(`${JOBS.toLocaleString('en')} jobs of 1 KB, ${rounds} rounds, median; load ${load}; Redis ${place.version}; ${place.program}\n`);
  console.log('| search | jobs/s | bystander p99 idle → during, ms | ratio | Redis CPU | memory of toril, MB |');
  console.log('|---|--:|--:|--:|--:|--:|');
  for (const { name, runs } of results) {
    const { perSecond, p99, ratio, core, memory } = columns(runs);
    console.log(`| ${name} | ${perSecond} | ${p99} | ${ratio} | ${core} | ${memory} |`);
  }
  keep({ jobs: JOBS, load, results });
}).catch(failed);
