'use strict';
// Writes failed jobs of the 40 causes of tests/golden/errors/causes.json as commands for `redis-cli --pipe`:
//   node seed.js 100000 [queue] | redis-cli -s SOCKET --pipe
// Ids, numbers, paths, times and releases differ from job to job, as they do in life.

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const causes = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../../tests/golden/errors/causes.json'), 'utf8'),
);
const [count, queue] = [Number(process.argv[2] || 100000), process.argv[3] || 'errors'];

let seed = 1;
const random = () => {
  // A generator of our own: every run makes the same jobs.
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
};
const n = (most) => Math.floor(random() * most);
const pick = (list) => list[n(list.length)];
const letters = (alphabet, length) => Array.from({ length }, () => alphabet[n(alphabet.length)]).join('');
const hex = (length) => letters('0123456789abcdef', length);
const b36 = (length) => letters('0123456789abcdefghijklmnopqrstuvwxyz', length);
const b62 = (length) => letters('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', length);
const names = ['kim', 'eve', 'bob', 'Alex P', 'maria', 'jo', 'noor', 'chen', 'ola', 'rui', 'ada', 'max'];
const make = {
  n: () => String(n(1e6)),
  ms: () => String(pick([1000, 5000, 30000, 60000])),
  line: () => String(1 + n(400)),
  col: () => String(1 + n(60)),
  release: () => pick(['20240801', '20240914', '20241102', '20250120']) + String(n(240000)).padStart(6, '0'),
  id: () => b36(8) + n(10) + b36(2),
  id5: () => b36(5),
  hex8: () => hex(8),
  hex40: () => hex(40),
  nano: () => b62(16),
  uuid: () => crypto.createHash('md5').update(String(random())).digest('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5'),
  email: () => `${b36(6)}.${pick(names).split(' ')[0]}@example.${pick(['com', 'org', 'net'])}`,
  ip: () => pick([`10.${n(256)}.${n(256)}.${n(256)}`, `192.168.0.${n(256)}`]),
  port: () => String(32768 + n(28000)),
  path: () => `/tmp/upload-${hex(6)}/${pick(['a', 'report', 'list'])}-${n(1000)}.csv`,
  url: () => `https://${b36(6)}.example.com/v1/hooks/${n(100000)}?t=${n(1e9)}`,
  iso: () => new Date(1700000000000 + n(3e10)).toISOString(),
  name: () => pick(names),
  sku: () => `${letters('ABCDEFGH', 3)}-${n(100000)}`,
  money: () => `${n(10000)},${n(100)} EUR`,
};



const encode = (parts) =>
  `*${parts.length}\r\n` + parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('');

const now = Date.now();
let out = '';
for (let job = 0; job < count; job += 1) {
  const cause = causes[job % causes.length];
  // What a job calls by one name is one value in its message and in its stack.
  const values = {};
  const fill = (text) =>
    text.replace(/\{([a-z0-9]+)\}/g, (whole, name) => {
      if (!make[name]) return whole;
      if (name === 'line' || name === 'col') return make[name]();
      values[name] ??= make[name]();
      return values[name];
    });
  const [message, stack] = [fill(cause.message), fill(cause.stack)];
  const id = String(job + 1);
  const at = now - (count - job) * 20;
  out += encode([
    'HSET', `bull:${queue}:${id}`, 'name', `cause-${job % causes.length}`, 'data', '{"n":1}', 'opts', '{"attempts":1}',
    'timestamp', String(at - 50), 'processedOn', String(at - 20), 'finishedOn', String(at), 'delay', '0',
    'priority', '0', 'atm', '1', 'ats', '1', 'failedReason', message, 'stacktrace', JSON.stringify([stack]),
  ]);
  out += encode(['ZADD', `bull:${queue}:failed`, String(at), id]);
  if (out.length > 1 << 20) {
    fs.writeSync(1, out);
    out = '';
  }
}
out += encode(['HSET', `bull:${queue}:meta`, 'opts.maxLenEvents', '10000', 'version', 'bullmq:6.7.0']);
out += encode(['SET', `bull:${queue}:id`, String(count)]);
fs.writeSync(1, out);
