'use strict';
// Asks PING every 2 ms and prints the round trips in milliseconds, while a command runs (or for some seconds):
//   node bystander.js SOCKET SECONDS LABEL [COMMAND ARG ...]
const net = require('node:net');
const { spawn } = require('node:child_process');

const [socket, seconds, label, command, ...args] = process.argv.slice(2);
const took = [];
let sent = 0n;
const line = net.connect(socket);
line.setNoDelay(true);
const ask = () => {
  sent = process.hrtime.bigint();
  line.write('PING\r\n');
};
line.on('data', () => {
  took.push(Number(process.hrtime.bigint() - sent) / 1e6);
  setTimeout(ask, 2);
});
line.on('connect', ask);

const began = process.hrtime.bigint();
const tell = () => {
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))].toFixed(2);
  const all = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(`${label} ${all.toFixed(1)} s; PING p50 ${at(0.5)} p99 ${at(0.99)} worst ${at(1)} ms (${took.length})`);
  process.exit(0);
};
if (command) {
  spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).on('exit', tell);
} else {
  setTimeout(tell, Number(seconds) * 1000);
}
