'use strict';
// Pings every millisecond until its input ends; each line that it is told begins a new count, whose figures
// so far it prints: how many pings, their p50, p99 and worst, in ms.
//
//   node bystander.js PORT

const net = require('node:net');
const readline = require('node:readline');

let took = [];
let sent = 0n;
const socket = net.connect(Number(process.argv[2]), '127.0.0.1').setNoDelay(true);
const ping = () => {
  sent = process.hrtime.bigint();
  socket.write('PING\r\n');
};
socket.on('connect', ping);
socket.on('data', () => {
  took.push(Number(process.hrtime.bigint() - sent) / 1e6);
  setTimeout(ping, 1);
});

readline
  .createInterface({ input: process.stdin })
  .on('line', () => {
    const sorted = Float64Array.from(took).sort();
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
    took = [];
    process.stdout.write(`${JSON.stringify({ pings: sorted.length, p50: at(0.5), p99: at(0.99), worst: at(1) })}\n`);
  })
  .on('close', () => process.exit(0));
