//! The small programs in Zig. What they do and print: guests/README.md.
const std = @import("std");
const Io = std.Io;
const Dir = Io.Dir;

/// What every program gets; its output is flushed when it returns.
const Tour = struct {
    io: Io,
    gpa: std.mem.Allocator,
    args: []const [:0]const u8,
    env: *std.process.Environ.Map,
    preopens: *const std.process.Preopens,
    out: *Io.Writer,
    err: *Io.Writer,

    fn say(t: *Tour, claim: []const u8, holds: bool) !void {
        try t.out.print("{s}: {s}\n", .{ claim, if (holds) "yes" else "no" });
    }

    fn tell(t: *Tour, what: []const u8, result: anytype) !void {
        const word = if (result) |_| "done" else |err| switch (@as(anyerror, err)) {
            error.FileNotFound => "no such file",
            error.PathAlreadyExists => "exists",
            error.NotDir => "not a folder",
            error.IsDir => "is a folder",
            error.DirNotEmpty => "not empty",
            else => @errorName(err),
        };
        try t.out.print("{s}: {s}\n", .{ what, word });
    }
};

fn showArgs(t: *Tour) !u8 {
    for (t.args, 0..) |arg, i| try t.out.print("arg {d}: {s}\n", .{ i, arg });
    return 0;
}

fn lessThan(_: void, a: []const u8, b: []const u8) bool {
    return std.mem.lessThan(u8, a, b);
}

fn showEnv(t: *Tour) !u8 {
    const names = try t.gpa.dupe([]const u8, t.env.keys());
    std.mem.sort([]const u8, names, {}, lessThan);
    for (names) |name| try t.out.print("{s}={s}\n", .{ name, t.env.get(name) orelse "" });
    return 0;
}

fn copy(t: *Tour) !u8 {
    var buffer: [4096]u8 = undefined;
    var reader = Io.File.stdin().readerStreaming(t.io, &buffer);
    const input = try reader.interface.allocRemaining(t.gpa, .unlimited);
    const nlines = std.mem.count(u8, input, "\n");
    for (input) |*byte| byte.* = std.ascii.toUpper(byte.*);
    try t.out.writeAll(input);
    try t.err.print("{d} bytes, {d} lines\n", .{ input.len, nlines });
    return 0;
}

fn leave(t: *Tour) !u8 {
    const code = if (t.args.len > 2) try std.fmt.parseInt(u8, t.args[2], 10) else 0;
    try t.out.print("leaving with {d}\n", .{code});
    return code;
}

fn trap(t: *Tour) !u8 {
    try t.out.writeAll("before\n");
    try t.out.flush();
    @panic("on purpose");
}

fn showClocks(t: *Tour) !u8 {
    const since_1970 = Io.Clock.real.now(t.io);
    try t.say("after 2020", since_1970.nanoseconds > 1577836800 * std.time.ns_per_s);
    const start = Io.Clock.awake.now(t.io);
    try t.say("never back", Io.Clock.awake.now(t.io).nanoseconds >= start.nanoseconds);
    try t.io.sleep(.fromMilliseconds(20), .awake);
    const slept = start.durationTo(Io.Clock.awake.now(t.io));
    try t.say("slept 20 ms", slept.nanoseconds >= 20 * std.time.ns_per_ms);
    return 0;
}

fn draw(t: *Tour) !u8 {
    var a: [32]u8 = undefined;
    var b: [32]u8 = undefined;
    try t.io.randomSecure(&a);
    try t.io.randomSecure(&b);
    try t.say("draws differ", !std.mem.eql(u8, &a, &b) and !std.mem.allEqual(u8, &a, 0));
    return 0;
}

/// What up to n bytes from an offset say, with | for the end of a line.
fn showBytes(t: *Tour, what: []const u8, dir: Dir, path: []const u8, offset: u64, n: usize) !void {
    const file = try dir.openFile(t.io, path, .{});
    defer file.close(t.io);
    var buffer: [64]u8 = undefined;
    var bytes: [64]u8 = undefined;
    var reader = file.reader(t.io, &buffer);
    try reader.seekTo(offset);
    const got = try reader.interface.readSliceShort(bytes[0..n]);
    try t.out.print("{s}: ", .{what});
    for (bytes[0..got]) |byte| try t.out.writeByte(switch (byte) {
        '\n' => '|',
        0 => '0',
        else => byte,
    });
    try t.out.writeByte('\n');
}

fn sizeOf(t: *Tour, dir: Dir, path: []const u8) !u64 {
    return (try dir.statFile(t.io, path, .{})).size;
}

fn writeAt(t: *Tour, dir: Dir, path: []const u8, offset: u64, text: []const u8) !void {
    const file = try dir.openFile(t.io, path, .{ .mode = .read_write });
    defer file.close(t.io);
    try file.writePositionalAll(t.io, text, offset);
}

fn setLength(t: *Tour, dir: Dir, path: []const u8, len: u64) !void {
    const file = try dir.openFile(t.io, path, .{ .mode = .read_write });
    defer file.close(t.io);
    try file.setLength(t.io, len);
}

fn refusal(t: *Tour, dir: Dir, path: []const u8) []const u8 {
    const file = dir.openFile(t.io, path, .{}) catch return "refused";
    file.close(t.io);
    return "open";
}

const Entry = struct {
    name: []const u8,
    kind: Io.File.Kind,

    fn lessThan(_: void, a: Entry, b: Entry) bool {
        return std.mem.lessThan(u8, a.name, b.name);
    }
};

fn list(t: *Tour, dir: Dir) !void {
    var entries: std.ArrayList(Entry) = .empty;
    var iterator = dir.iterate();
    while (try iterator.next(t.io)) |entry|
        try entries.append(t.gpa, .{ .name = try t.gpa.dupe(u8, entry.name), .kind = entry.kind });
    std.mem.sort(Entry, entries.items, {}, Entry.lessThan);
    try t.out.writeAll("list:");
    for (entries.items) |entry| try t.out.print(" {s} ({s})", .{ entry.name, switch (entry.kind) {
        .directory => "folder",
        .sym_link => "link",
        else => "file",
    } });
    try t.out.writeByte('\n');
}

fn writeAndRead(t: *Tour, dir: Dir) !void {
    try dir.writeFile(t.io, .{ .sub_path = "a.txt", .data = "hello\n" });
    try writeAt(t, dir, "a.txt", try sizeOf(t, dir, "a.txt"), "world\n");
    try t.out.print("append: {d} bytes\n", .{try sizeOf(t, dir, "a.txt")});
    try showBytes(t, "read", dir, "a.txt", 0, 64);
    try showBytes(t, "seek to 6", dir, "a.txt", 6, 5);
    try showBytes(t, "seek to 4 before the end", dir, "a.txt", try sizeOf(t, dir, "a.txt") - 4, 3);
    try writeAt(t, dir, "a.txt", 0, "J");
    try showBytes(t, "overwrite", dir, "a.txt", 0, 64);
    try setLength(t, dir, "a.txt", 5);
    try showBytes(t, "truncate", dir, "a.txt", 0, 64);
    try setLength(t, dir, "a.txt", 8);
    try showBytes(t, "extend", dir, "a.txt", 0, 64);
}

fn renameAndRefuse(t: *Tour, dir: Dir) !void {
    try t.tell("rename", dir.rename("a.txt", dir, "b.txt", t.io));
    try t.tell("the old name", dir.statFile(t.io, "a.txt", .{}));
    try t.tell("create anew", dir.createFile(t.io, "b.txt", .{ .exclusive = true }));
    try t.tell("open what is not there", dir.openFile(t.io, "none.txt", .{}));
    try t.tell("open beneath a file", dir.openFile(t.io, "b.txt/x", .{}));
    try t.tell("write to a folder", dir.openFile(t.io, ".", .{ .mode = .write_only }));
    try t.out.print("outside: {s}\n", .{refusal(t, dir, "../../outside.txt")});
    try t.out.print("absolute: {s}\n", .{refusal(t, dir, "/outside.txt")});
}

fn fillAndEmpty(t: *Tour, dir: Dir) !void {
    try t.tell("make a folder in it", dir.createDir(t.io, "sub", .default_dir));
    try dir.writeFile(t.io, .{ .sub_path = "sub/c.txt", .data = "c" });
    try t.tell("remove a full folder", dir.deleteDir(t.io, "sub"));
    try t.tell("link", dir.symLink(t.io, "b.txt", "link", .{}));
    try list(t, dir);
    var to: [64]u8 = undefined;
    try t.out.print("the link says: {s}\n", .{to[0..try dir.readLink(t.io, "link", &to)]});
    try t.out.print("through the link: {d} bytes\n", .{try sizeOf(t, dir, "link")});
    try t.tell("remove a file", dir.deleteFile(t.io, "sub/c.txt"));
    try t.tell("remove it again", dir.deleteFile(t.io, "sub/c.txt"));
    try t.tell("remove a folder", dir.deleteDir(t.io, "sub"));
    const file = try dir.openFile(t.io, "b.txt", .{ .mode = .read_write });
    defer file.close(t.io);
    try file.setTimestamps(t.io, .{
        .access_timestamp = .{ .new = .{ .nanoseconds = 1000000000 * std.time.ns_per_s } },
        .modify_timestamp = .{ .new = .{ .nanoseconds = 1000000001 * std.time.ns_per_s } },
    });
    const found = try file.stat(t.io);
    try t.out.print("time: {d}\n", .{@divFloor(found.mtime.nanoseconds, std.time.ns_per_s)});
}

fn tourFiles(t: *Tour) !u8 {
    const folder = if (t.args.len > 2) t.preopens.get(t.args[2]) orelse return error.NoSuchFolder else return error.NoFolder;
    try showBytes(t, "seed", folder.dir, "seed.txt", 0, 64);
    try t.tell("make a folder", folder.dir.createDir(t.io, "made", .default_dir));
    try t.tell("again", folder.dir.createDir(t.io, "made", .default_dir));
    const made = try folder.dir.openDir(t.io, "made", .{ .iterate = true });
    try writeAndRead(t, made);
    try renameAndRefuse(t, made);
    try fillAndEmpty(t, made);
    return 0;
}

const programs = std.StaticStringMap(*const fn (*Tour) anyerror!u8).initComptime(.{
    .{ "args", showArgs },    .{ "env", showEnv },  .{ "copy", copy },
    .{ "exit", leave },       .{ "trap", trap },    .{ "clock", showClocks },
    .{ "random", draw },      .{ "files", tourFiles },
});

fn run(t: *Tour) !u8 {
    const name = if (t.args.len > 1) t.args[1] else "";
    if (programs.get(name)) |program| return program(t);
    try t.err.writeAll("usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER\n");
    return 2;
}

pub fn main(init: std.process.Init) !u8 {
    const arena = init.arena.allocator();
    var out_buffer: [4096]u8 = undefined;
    var out: Io.File.Writer = .initStreaming(.stdout(), init.io, &out_buffer);
    var err: Io.File.Writer = .initStreaming(.stderr(), init.io, &.{});
    var tour: Tour = .{
        .io = init.io,
        .gpa = arena,
        .args = try init.minimal.args.toSlice(arena),
        .env = init.environ_map,
        .preopens = &init.preopens,
        .out = &out.interface,
        .err = &err.interface,
    };
    const code = run(&tour) catch |reason| failed: {
        try tour.err.print("tour: {s}\n", .{@errorName(reason)});
        break :failed 1;
    };
    try tour.out.flush();
    return code;
}
