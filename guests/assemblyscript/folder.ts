// folder.ts - files as preview 1 has them: calls on a folder's descriptor, with the rights
// that each needs and no others. A result below 0 is the negated errno.
import {
  errno, fd_close, fd_filestat_get, fd_filestat_set_size, fd_filestat_set_times, fd_prestat_dir_name,
  fd_prestat_get, fd_read, fd_readdir, fd_seek, fd_write, fdflags, filestat, filetype, fstflags, lookupflags,
  oflags, path_create_directory, path_filestat_get, path_open, path_readlink, path_remove_directory,
  path_rename, path_symlink, path_unlink_file, prestat, rights, whence
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

const FIRST_PREOPEN = 3;
const DIRENT_BYTES = 24;
const room = memory.data(64);          // for results of calls

export const READ: u64 = rights.FD_READ | rights.FD_SEEK | rights.FD_FILESTAT_GET;
export const WRITE: u64 = rights.FD_WRITE | rights.FD_SEEK;
export const RESIZE: u64 = rights.FD_FILESTAT_SET_SIZE | rights.FD_WRITE;
export const RETIME: u64 = rights.FD_FILESTAT_SET_TIMES | rights.FD_FILESTAT_GET;
const LIST: u64 = rights.FD_READDIR;

class Text {                           // UTF-8, with its address and length
  bytes: ArrayBuffer;
  constructor(text: string) { this.bytes = String.UTF8.encode(text); }
  get at(): usize { return changetype<usize>(this.bytes); }
  get len(): usize { return this.bytes.byteLength; }
}

export class File {
  constructor(public fd: i32) {}

  close(): void { fd_close(this.fd); }

  write(text: string): i32 {
    const bytes = new Text(text);
    store<usize>(room, bytes.at);
    store<usize>(room, bytes.len, 4);
    const error = fd_write(this.fd, room, 1, room + 8);
    return error != errno.SUCCESS ? -(<i32>error) : load<i32>(room, 8);
  }

  read(n: i32): string {
    const bytes = new ArrayBuffer(n);
    store<usize>(room, changetype<usize>(bytes));
    store<usize>(room, n, 4);
    if (fd_read(this.fd, room, 1, room + 8) != errno.SUCCESS) return "?";
    return String.UTF8.decode(bytes.slice(0, load<i32>(room, 8)));
  }

  seek(offset: i64, fromEnd: bool): i32 {
    return -(<i32>fd_seek(this.fd, offset, fromEnd ? whence.END : whence.SET, room));
  }

  resize(len: u64): i32 { return -(<i32>fd_filestat_set_size(this.fd, len)); }

  setTimes(accessed: u64, modified: u64): i32 {
    return -(<i32>fd_filestat_set_times(this.fd, accessed, modified, fstflags.SET_ATIM | fstflags.SET_MTIM));
  }

  modified(): u64 {
    const found = changetype<filestat>(room);
    return fd_filestat_get(this.fd, found) == errno.SUCCESS ? found.mtim : 0;
  }
}

export class Entry {
  constructor(public name: string, public type: u8) {}
}

export class Folder {
  constructor(public fd: i32) {}

  /** The granted folder of that name, or null. */
  static granted(name: string): Folder | null {
    for (let fd = FIRST_PREOPEN; fd_prestat_get(fd, changetype<prestat>(room)) == errno.SUCCESS; fd++) {
      const len = load<u32>(room, 4);
      const bytes = new ArrayBuffer(len);
      if (fd_prestat_dir_name(fd, changetype<usize>(bytes), len) != errno.SUCCESS) return null;
      if (String.UTF8.decode(bytes) == name) return new Folder(fd);
    }
    return null;
  }

  /** The descriptor, or the negated errno. */
  open(name: string, how: oflags, needs: rights, flags: fdflags = 0): i32 {
    const path = new Text(name);
    const error = path_open(this.fd, lookupflags.SYMLINK_FOLLOW, path.at, path.len, how, needs, needs, flags, room);
    return error != errno.SUCCESS ? -(<i32>error) : load<i32>(room);
  }

  makeFolder(name: string): i32 {
    const path = new Text(name);
    return -(<i32>path_create_directory(this.fd, path.at, path.len));
  }

  removeFolder(name: string): i32 {
    const path = new Text(name);
    return -(<i32>path_remove_directory(this.fd, path.at, path.len));
  }

  remove(name: string): i32 {
    const path = new Text(name);
    return -(<i32>path_unlink_file(this.fd, path.at, path.len));
  }

  rename(from: string, to: string): i32 {
    const a = new Text(from), b = new Text(to);
    return -(<i32>path_rename(this.fd, a.at, a.len, this.fd, b.at, b.len));
  }

  link(to: string, name: string): i32 {
    const a = new Text(to), b = new Text(name);
    return -(<i32>path_symlink(a.at, a.len, this.fd, b.at, b.len));
  }

  readLink(name: string): string {
    const path = new Text(name), bytes = new ArrayBuffer(64);
    if (path_readlink(this.fd, path.at, path.len, changetype<usize>(bytes), 64, room) != errno.SUCCESS) return "?";
    return String.UTF8.decode(bytes.slice(0, load<i32>(room)));
  }

  /** The size of what name leads to, or the negated errno. */
  size(name: string): i64 {
    const path = new Text(name), found = changetype<filestat>(room);
    const error = path_filestat_get(this.fd, lookupflags.SYMLINK_FOLLOW, path.at, path.len, found);
    return error != errno.SUCCESS ? -(<i64>error) : <i64>found.size;
  }

  /** What is in a folder beneath, by name; read through a buffer that holds few entries. */
  list(name: string): Entry[] {
    const entries: Entry[] = [], buffer = new ArrayBuffer(80), at = changetype<usize>(buffer);
    const folder = this.open(name, oflags.DIRECTORY, LIST);
    for (let cookie: u64 = 0, used: usize = buffer.byteLength; used == <usize>buffer.byteLength; ) {
      if (fd_readdir(folder, at, buffer.byteLength, cookie, room) != errno.SUCCESS) break;
      used = load<usize>(room);
      for (let from: usize = 0; from + DIRENT_BYTES <= used; ) {
        const end = from + DIRENT_BYTES + load<u32>(at + from, 16);
        if (end > used) break;
        cookie = load<u64>(at + from);
        const entry = String.UTF8.decode(buffer.slice(<i32>(from + DIRENT_BYTES), <i32>end));
        if (entry != "." && entry != "..") entries.push(new Entry(entry, load<u8>(at + from, 20)));
        from = end;
      }
    }
    fd_close(folder);
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

export function typeName(type: u8): string {
  return type == filetype.DIRECTORY ? "folder" : type == filetype.SYMBOLIC_LINK ? "link" : "file";
}

export function explain(result: i64): string {
  switch (<i32>-result) {
    case 44: return "no such file";
    case 20: return "exists";
    case 54: return "not a folder";
    case 31: return "is a folder";
    case 55: return "not empty";
    default: return result >= 0 ? "done" : `error ${-result}`;
  }
}
