// Files through the interpreter's own library.
import * as std from "qjs:std";
import * as os from "qjs:os";

print(std.loadFile("/data/in.txt").split("\n").join("|"));
const file = std.open("/data/out.txt", "w+");
for (let i = 1; i <= 1000; i++) file.puts(i + "\n");
file.seek(4, std.SEEK_SET);
print(file.getline(), file.tell());
file.close();
const [info, error] = os.stat("/data/out.txt");
print(info.size, error, info.mode & os.S_IFMT ? "a kind" : "no kind");
print(os.mkdir("/data/sub"), os.rename("/data/out.txt", "/data/sub/moved.txt"));
print(os.readdir("/data/sub")[0].sort().join());
print(os.open("/data/none.txt", os.O_RDONLY) < 0, os.remove("/data/none.txt") < 0);
const fd = os.open("/data/raw", os.O_RDWR | os.O_CREAT | os.O_TRUNC);
print(os.write(fd, new Uint8Array([1, 2, 3, 4]).buffer, 0, 4), os.seek(fd, 1, std.SEEK_SET));
const back = new Uint8Array(8);
print(os.read(fd, back.buffer, 0, 8), back.join(), os.close(fd));
print(std.open("/outside.txt", "r") === null, std.open("/data/../outside.txt", "r") === null);
print(typeof Date.now(), std.getenv("NOTHING"));
