// The small programs in AssemblyScript. What they do and print: guests/README.md.
import {
  clock_time_get, clockid, fdflags, oflags, poll_oneoff, random_get
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";
import { Folder, File, READ, WRITE, RESIZE, RETIME, explain, typeName } from "./folder";

const SECOND: u64 = 1000000000;

function print(line: string): void {
  process.stdout.write(line + "\n");
}

function fail(what: string): void {
  process.stderr.write("tour: " + what + "\n");
  process.exit(1);
}

function showArgs(): void {
  for (let i = 0; i < process.argv.length; i++) print(`arg ${i}: ${process.argv[i]}`);
}

function showEnv(): void {
  const names = process.env.keys().sort();
  for (let i = 0; i < names.length; i++) print(names[i] + "=" + process.env.get(names[i]));
}

function copy(): void {
  const bytes = new Uint8Array(4096);
  let nbytes = 0, nlines = 0;
  for (let got = process.stdin.read(bytes.buffer); got > 0; got = process.stdin.read(bytes.buffer)) {
    for (let i = 0; i < got; i++) {
      nlines += i32(bytes[i] == 10);
      if (bytes[i] >= 97 && bytes[i] <= 122) bytes[i] -= 32;
    }
    process.stdout.write(bytes.buffer.slice(0, got));
    nbytes += got;
  }
  process.stderr.write(`${nbytes} bytes, ${nlines} lines\n`);
}

function leave(): void {
  const code = process.argv.length > 2 ? I32.parseInt(process.argv[2]) : 0;
  print(`leaving with ${code}`);
  process.exit(code);
}

function trap(): void {
  print("before");
  unreachable();
}

function say(claim: string, holds: bool): void {
  print(claim + ": " + (holds ? "yes" : "no"));
}

const room = memory.data(128);

function now(clock: u32): u64 {
  if (clock_time_get(clock, 1, room) != 0) fail("clock_time_get");
  return load<u64>(room);
}

/** One subscription to a clock, as preview 1 lays it out. */
function sleep(ns: u64): void {
  memory.fill(room, 0, 48);
  store<u32>(room, clockid.MONOTONIC, 16);
  store<u64>(room, ns, 24);
  if (poll_oneoff(room, room + 48, 1, room + 96) != 0) fail("poll_oneoff");
}

function showClocks(): void {
  say("after 2020", now(clockid.REALTIME) > 1577836800 * SECOND);
  const start = now(clockid.MONOTONIC);
  say("never back", now(clockid.MONOTONIC) >= start);
  sleep(20000000);
  say("slept 20 ms", now(clockid.MONOTONIC) - start >= 20000000);
}

function draw(): void {
  memory.fill(room, 0, 96);
  if (random_get(room, 32) != 0 || random_get(room + 32, 32) != 0) fail("random_get");
  say("draws differ", memory.compare(room, room + 32, 32) != 0 && memory.compare(room, room + 64, 32) != 0);
}

function tell(what: string, result: i64): void {
  print(what + ": " + explain(result));
}

function opened(folder: Folder, path: string, how: u16, needs: u64): i32 {
  const fd = folder.open(path, how, needs);
  if (fd >= 0) new File(fd).close();
  return fd;
}

function need(folder: Folder, path: string, how: u16, needs: u64, flags: u16 = 0): File {
  const fd = folder.open(path, how, needs, flags);
  if (fd < 0) fail(path + ": " + explain(fd));
  return new File(fd);
}

function writeFile(folder: Folder, path: string, how: u16, flags: u16, text: string): void {
  const file = need(folder, path, how, WRITE, flags);
  if (file.write(text) != text.length) fail(path);
  file.close();
}

/** What up to n bytes from an offset say, with | for the end of a line. */
function showBytes(what: string, folder: Folder, path: string, offset: i64, fromEnd: bool, n: i32): void {
  const file = need(folder, path, 0, READ);
  if (file.seek(offset, fromEnd) < 0) fail(path);
  print(what + ": " + file.read(n).replaceAll("\n", "|").replaceAll("\0", "0"));
  file.close();
}

function resize(folder: Folder, path: string, len: u64): void {
  const file = need(folder, path, 0, RESIZE);
  if (file.resize(len) < 0) fail(path);
  file.close();
}

function list(folder: Folder, path: string): void {
  const entries = folder.list(path);
  let line = "list:";
  for (let i = 0; i < entries.length; i++) line += ` ${entries[i].name} (${typeName(entries[i].type)})`;
  print(line);
}

function writeAndRead(folder: Folder): void {
  const a = "made/a.txt";
  tell("make a folder", folder.makeFolder("made"));
  tell("again", folder.makeFolder("made"));
  writeFile(folder, a, oflags.CREAT, 0, "hello\n");
  writeFile(folder, a, 0, fdflags.APPEND, "world\n");
  print(`append: ${folder.size(a)} bytes`);
  showBytes("read", folder, a, 0, false, 64);
  showBytes("seek to 6", folder, a, 6, false, 5);
  showBytes("seek to 4 before the end", folder, a, -4, true, 3);
  writeFile(folder, a, 0, 0, "J");
  showBytes("overwrite", folder, a, 0, false, 64);
  resize(folder, a, 5);
  showBytes("truncate", folder, a, 0, false, 64);
  resize(folder, a, 8);
  showBytes("extend", folder, a, 0, false, 64);
}

function renameAndRefuse(folder: Folder): void {
  const b = "made/b.txt";
  tell("rename", folder.rename("made/a.txt", b));
  tell("the old name", folder.size("made/a.txt"));
  tell("create anew", opened(folder, b, oflags.CREAT | oflags.EXCL, WRITE));
  tell("open what is not there", opened(folder, "made/none.txt", 0, READ));
  tell("open beneath a file", opened(folder, b + "/x", 0, READ));
  tell("write to a folder", opened(folder, "made", 0, WRITE));
  print("outside: " + (opened(folder, "made/../../outside.txt", 0, READ) < 0 ? "refused" : "open"));
  print("absolute: " + (opened(folder, "/outside.txt", 0, READ) < 0 ? "refused" : "open"));
}

function fillAndEmpty(folder: Folder): void {
  tell("make a folder in it", folder.makeFolder("made/sub"));
  writeFile(folder, "made/sub/c.txt", oflags.CREAT, 0, "c");
  tell("remove a full folder", folder.removeFolder("made/sub"));
  tell("link", folder.link("b.txt", "made/link"));
  list(folder, "made");
  print("the link says: " + folder.readLink("made/link"));
  print(`through the link: ${folder.size("made/link")} bytes`);
  tell("remove a file", folder.remove("made/sub/c.txt"));
  tell("remove it again", folder.remove("made/sub/c.txt"));
  tell("remove a folder", folder.removeFolder("made/sub"));
  const file = need(folder, "made/b.txt", 0, RETIME);
  if (file.setTimes(1000000000 * SECOND, 1000000001 * SECOND) < 0) fail("made/b.txt");
  print(`time: ${file.modified() / SECOND}`);
}

function tourFiles(): void {
  const folder = process.argv.length > 2 ? Folder.granted(process.argv[2]) : null;
  if (!folder) return fail("no such folder granted");
  showBytes("seed", folder, "seed.txt", 0, false, 64);
  writeAndRead(folder);
  renameAndRefuse(folder);
  fillAndEmpty(folder);
}

function usage(): void {
  process.stderr.write("usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER\n");
  process.exit(2);
}

const name = process.argv.length > 1 ? process.argv[1] : "";
if (name == "args") showArgs();
else if (name == "env") showEnv();
else if (name == "copy") copy();
else if (name == "exit") leave();
else if (name == "trap") trap();
else if (name == "clock") showClocks();
else if (name == "random") draw();
else if (name == "files") tourFiles();
else usage();
