// node.mjs FILE N - runs a module in V8: its export run(N), or a WASI command with argument N.
// Says on standard error how much user time the call took; compiling comes before it.
import { readFileSync } from 'node:fs';

const [file, n] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));
const isCommand = WebAssembly.Module.exports(module).some(({ name }) => name === '_start');
let call;
if (isCommand) {
    const { WASI } = await import('node:wasi');
    const wasi = new WASI({ version: 'preview1', args: [file, n], returnOnExit: true });
    const instance = new WebAssembly.Instance(module, wasi.getImportObject());
    call = () => wasi.start(instance);
} else {
    const instance = new WebAssembly.Instance(module, {});
    call = () => console.log(String(instance.exports.run(Number(n))));
}
const before = process.cpuUsage();
call();
console.error(`user_us ${process.cpuUsage(before).user}`);
