// differential.js - V8's hand of fuzz/differential: jobs on standard input, one JSON object
// a line; what came of each on standard output, likewise.
//   {host, main: base64, steps: [[fresh, name, [[letter, hex]...]]...]}
//   {steps: [{ok: [[letter, hex]...]} | {trap: words} | {stack: true} | {failed: words}, ...
//             each with hash: [main, host]]}  or  {refused: words}
'use strict';
const readline = require('readline');

const hex = (n, digits) => n.toString(16).padStart(digits, '0');

function result(v) {
  return typeof v === 'bigint' ? ['l', hex(BigInt.asUintN(64, v), 16)] : ['i', hex(v >>> 0, 8)];
}

function results(v) {
  if (v === undefined) return [];
  return Array.isArray(v) ? v.map(result) : [result(v)];
}

function failure(e) {
  if (e instanceof WebAssembly.RuntimeError) return {trap: e.message};
  if (e instanceof WebAssembly.Exception) return {exception: true};
  if (e instanceof RangeError && /call stack/.test(e.message)) return {stack: true};
  return {failed: String(e)};
}

function hash(instance) {
  try {
    return instance ? hex(BigInt.asUintN(64, instance.exports['#hash']()), 16) : '-';
  } catch (e) {
    return '-';
  }
}

function runSteps(steps, hostModule, mainModule) {
  let host, main;
  const all = [];
  for (const [fresh, name, words] of steps) {
    let came;
    try {
      if (fresh || !main) {
        host = main = undefined;
        host = hostModule && new WebAssembly.Instance(hostModule);
        main = new WebAssembly.Instance(mainModule, host ? {host: host.exports} : {});
      }
      if (name === '-') {
        came = {ok: []};
      } else {
        const args = words.map(([letter, text]) => letter === 'l' ? BigInt('0x' + text) : Number('0x' + text) | 0);
        came = {ok: results(main.exports[name](...args))};
      }
    } catch (e) {
      came = failure(e);
    }
    came.hash = [hash(main), hash(host)];
    all.push(came);
  }
  return all;
}

function run(job) {
  let host, main;
  try {
    host = job.host && new WebAssembly.Module(Buffer.from(job.host, 'base64'));
    main = new WebAssembly.Module(Buffer.from(job.main, 'base64'));
  } catch (e) {
    return {refused: String(e)};
  }
  return {steps: runSteps(job.steps, host, main)};
}

let jobs = 0;
readline.createInterface({input: process.stdin}).on('line', line => {
  const answer = run(JSON.parse(line));
  if (++jobs % 8 === 0 && global.gc) global.gc(); // memories reserve gigabytes of addresses each
  process.stdout.write(JSON.stringify(answer) + '\n');
});
