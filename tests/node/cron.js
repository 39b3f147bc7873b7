'use strict';
// Next times as BullMQ computes them: the golden files that our cron is compared with.
//
//   node cron.js bullmq-6 > ../golden/cron/bullmq-6.txt
//
// The library's own strategy is asked, so that `cron-parser` is called as a worker calls it. Lines:
//
//   chain <zone> | <pattern> | <start s> | <steps>     each time is the start of the search for the next
//   from <zone> | <pattern> | <start s> | <waits>      searches from starts 13 min 7 s apart
//
// Steps and waits are seconds from the one time to the next (`x` where there is none), `3600*24` is 24
// times 3600. Chains are of two years, of fewer where a pattern comes true more than 20000 times; then
// there is one around each clock change. Searches by `from` start within 2.5 hours of a clock change.

const { DateTime } = require('luxon');

const ZONES = [
  'UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kolkata',
  'America/Sao_Paulo', 'America/Havana',
];
const PATTERNS = [
  '0 * * * *', '*/15 * * * *', '*/10 * * * * *', '30 2 * * *', '0 */2 * * *', '0 9 * * MON-FRI', '0 0 L * *',
  '30 1 * * 5L', '0 8 * * 1#2', '0 0 29 2 *', '0 0 13 * 5', '5 2,3 1-7 JAN,mar,10-12 ?', '0 0 12 */9 * 0',
  '59 23 31 12 *', '@daily', '20 30 2 25-31 3,10 7', '*/20 1 * * *', '0 1,2 * * 7',
];
const START = Date.UTC(2026, 0, 1) / 1000;
const END = Date.UTC(2028, 2, 15) / 1000;
const MOST = 20000;
const HALF = 150 * 60;
const STRIDE = 13 * 60 + 7;

function packed(numbers) {
  const runs = [];
  for (const number of numbers) {
    const last = runs[runs.length - 1];
    if (last && last[0] === number) last[1] += 1;
    else runs.push([number, 1]);
  }
  return runs.map(([number, times]) => (times === 1 ? `${number}` : `${number}*${times}`)).join(' ');
}

/** When the clocks of a zone change. */
function changes(zone) {
  const offset = (s) => DateTime.fromSeconds(s, { zone }).offset;
  const found = [];
  for (let s = START; s < END; s += 86400) {
    let [low, high] = [s, s + 86400];
    if (offset(low) === offset(high)) continue;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offset(middle) === offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

module.exports = (lib) => {
  const strategy = require(lib).defaultRepeatStrategy;
  /** The next time, seconds, or null. A time that is not after the start is none. */
  const next = (s, pattern, tz) => {
    const ms = strategy(s * 1000, { pattern, tz });
    return ms > s * 1000 ? ms / 1000 : null;
  };

  function chain(start, end, most, pattern, zone) {
    const steps = [];
    for (let at = start; at < end && steps.length < most; ) {
      const then = next(at, pattern, zone);
      steps.push(then === null ? 'x' : then - at);
      if (then === null) break;
      at = then;
    }
    return `chain ${zone} | ${pattern} | ${start} | ${packed(steps)}`;
  }

  function* lines() {
    for (const zone of ZONES) {
      const at = changes(zone);
      for (const pattern of PATTERNS) {
        const often = next(next(START, pattern, zone), pattern, zone) - START < 3000;
        if (!often) yield chain(START, END, MOST, pattern, zone);
        else for (const start of at.length ? at : [START]) yield chain(start - 3 * 3600, END, 2500, pattern, zone);
        for (const change of at) {
          const waits = [];
          for (let s = change - HALF; s <= change + HALF; s += STRIDE) {
            const then = next(s, pattern, zone);
            waits.push(then === null ? 'x' : then - s);
          }
          yield `from ${zone} | ${pattern} | ${change - HALF} | ${packed(waits)}`;
        }
      }
    }
  }
  return { lines };
};

if (require.main === module) {
  for (const line of module.exports(process.argv[2]).lines()) process.stdout.write(`${line}\n`);
}
