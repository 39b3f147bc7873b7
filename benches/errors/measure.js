'use strict';
// Fills one server of its own with failures of 40 causes and groups them; see README.md.
//
//   node measure.js SERVER-PROGRAM TORIL [--jobs N] [--rounds N] [--json FILE]

const { spawn } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');
const { ask, columns, connect, failed, flag, keep, measure, wait, withServer } = require('../reading');

const JOBS = Number(flag('jobs', 100000));
const rounds = Number(flag('rounds', 3));

/** Failures as `seed.js` writes them. */
async function fill(port) {
  process.stderr.write(`filling ${JOBS} jobs ..\n`);
  const seed = spawn(process.execPath, [path.join(__dirname, 'seed.js'), String(JOBS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const socket = await connect(port);
  socket.resume();
  seed.stdout.pipe(socket, { end: false });
  await new Promise((done) => seed.stdout.on('end', done));
  while (!/^\$\d+\r\n\d/.test(await ask(port, 'GET', 'bull:errors:id'))) await wait(50);
  socket.destroy();
}

async function group(place) {
  const { out, figures } = await measure(place, ['errors', 'errors', '--scan', String(JOBS), '--json']);
  const told = JSON.parse(out);
  if (told.scanned !== JOBS || !told.complete) throw new Error(`${told.scanned} of ${JOBS} read`);
  return { ...figures, perSecond: JOBS / figures.seconds, groups: told.groups.length };
}

withServer(fill, async (place) => {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) runs.push(await group(place));
  const load = os.loadavg()[0].toFixed(1);
  console.log(`${JOBS.toLocaleString('en')} failed jobs of 40 causes, ${rounds} rounds, median; load ${load}; Redis ${place.version}; ${place.program}\n`);
  console.log('| groups | time, s | jobs/s | bystander p99 idle → during, ms | ratio | Redis CPU | of a core | memory of toril, MB |');
  console.log('|--:|--:|--:|---|--:|--:|--:|--:|');
  const { of, seconds, perSecond, p99, ratio, cpu, core, memory } = columns(runs);
  console.log(`| ${of((run) => run.groups)} | ${seconds} | ${perSecond} | ${p99} | ${ratio} | ${cpu} | ${core} | ${memory} |`);
  keep({ jobs: JOBS, load, runs });
}).catch(failed);
