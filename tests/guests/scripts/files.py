"""Files: the modules that programs use for them."""
import csv
import os
import pathlib
import shutil
import time

data = pathlib.Path("/data")
with open(data / "in.csv", newline="") as f:
    print(list(csv.reader(f)))
(data / "made/deep/er").mkdir(parents=True)
(data / "made/deep/er/text.txt").write_text("häßlich\n" * 1000, encoding="utf-8")
(data / "made/bytes").write_bytes(bytes(range(256)) * 64)
print((data / "made/deep/er/text.txt").stat().st_size)
with open(data / "made/bytes", "r+b") as f:
    f.seek(100)
    f.write(b"changed")
    f.seek(-10, os.SEEK_END)
    f.truncate()
    print(f.tell(), os.fstat(f.fileno()).st_size)
with open(data / "log", "a") as f:
    for i in range(3):
        print("line", i, file=f, flush=True)
os.symlink("bytes", data / "made/link")
print(os.readlink(data / "made/link"), (data / "made/link").is_symlink(), len((data / "made/link").read_bytes()))
print([(top, sorted(folders), sorted(files)) for top, folders, files in os.walk("/data")])
shutil.copytree(data / "made/deep", data / "copy")
shutil.move(data / "made/bytes", data / "moved")
print(sorted(str(path) for path in data.rglob("*")))
os.utime(data / "log", (1000000000, 1000000001))
print(os.stat(data / "log").st_mtime, time.gmtime(0).tm_year)
for bad in (lambda: (data / "none").read_text(), lambda: os.rmdir(data / "copy"), lambda: os.mkdir(data / "copy"),
            lambda: open(data), lambda: os.listdir(data / "log")):
    try:
        bad()
    except OSError as error:
        print(type(error).__name__)
for outside in ("/outside.txt", "/data/../outside.txt", "/data/made/../../outside.txt"):
    print(outside, os.path.exists(outside))
shutil.rmtree(data / "made")
print(sorted(os.listdir(data)))
