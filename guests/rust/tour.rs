//! The small programs in Rust. What they do and print: guests/README.md.
use std::collections::hash_map::RandomState;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, process, thread};

fn check<T>(result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("tour: {error}");
        process::exit(1)
    })
}

fn show_args() {
    for (i, arg) in env::args().enumerate() {
        println!("arg {i}: {arg}");
    }
}

fn show_env() {
    let mut lines: Vec<String> = env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    lines.sort();
    for line in lines {
        println!("{line}");
    }
}

fn copy() {
    let mut input = Vec::new();
    check(io::stdin().read_to_end(&mut input));
    check(io::stdout().write_all(&input.to_ascii_uppercase()));
    let lines = input.iter().filter(|&&byte| byte == b'\n').count();
    eprintln!("{} bytes, {lines} lines", input.len());
}

fn leave() {
    let code = env::args().nth(2).and_then(|word| word.parse().ok()).unwrap_or(0);
    println!("leaving with {code}");
    process::exit(code);
}

fn trap() {
    println!("before");
    panic!("on purpose");
}

fn say(claim: &str, holds: bool) {
    println!("{claim}: {}", if holds { "yes" } else { "no" });
}

fn show_clocks() {
    let start = Instant::now();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    say("after 2020", since_1970.as_secs() > 1577836800);
    say("never back", Instant::now() >= start);
    thread::sleep(Duration::from_millis(20));
    say("slept 20 ms", start.elapsed() >= Duration::from_millis(20));
}

/// A hasher's keys are the standard library's only random numbers.
fn draw() {
    let (a, b) = (RandomState::new().hash_one(1), RandomState::new().hash_one(2));
    say("draws differ", a != b && a != 0);
}

const NOT_EMPTY: i32 = 55; // an errno of preview 1 that has no kind

fn explain<T>(result: io::Result<T>) -> String {
    let Err(error) = result else { return "done".into() };
    match error.kind() {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::AlreadyExists => "exists".into(),
        ErrorKind::NotADirectory => "not a folder".into(),
        ErrorKind::IsADirectory => "is a folder".into(),
        _ if error.raw_os_error() == Some(NOT_EMPTY) => "not empty".into(),
        _ => error.to_string(),
    }
}

fn tell<T>(what: &str, result: io::Result<T>) {
    println!("{what}: {}", explain(result));
}

/// What up to n bytes from an offset say, with | for the end of a line.
fn show_bytes(what: &str, path: &Path, from: SeekFrom, n: u64) {
    let mut file = check(File::open(path));
    check(file.seek(from));
    let mut bytes = Vec::new();
    check(file.take(n).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes).replace('\n', "|").replace('\0', "0");
    println!("{what}: {text}");
}

fn list(path: &Path) {
    let mut names: Vec<String> = check(fs::read_dir(path))
        .map(|entry| {
            let entry = check(entry);
            let kind = check(entry.file_type());
            let word = if kind.is_dir() { "folder" } else if kind.is_symlink() { "link" } else { "file" };
            format!("{} ({word})", entry.file_name().to_string_lossy())
        })
        .collect();
    names.sort();
    println!("list: {}", names.join(" "));
}

fn size_of(path: &Path) -> u64 {
    check(fs::metadata(path)).len()
}

fn write_and_read(made: &Path) {
    let a = &made.join("a.txt");
    tell("make a folder", fs::create_dir(made));
    tell("again", fs::create_dir(made));
    check(fs::write(a, "hello\n"));
    check(check(OpenOptions::new().append(true).open(a)).write_all(b"world\n"));
    println!("append: {} bytes", size_of(a));
    show_bytes("read", a, SeekFrom::Start(0), 64);
    show_bytes("seek to 6", a, SeekFrom::Start(6), 5);
    show_bytes("seek to 4 before the end", a, SeekFrom::End(-4), 3);
    let mut file = check(OpenOptions::new().write(true).open(a));
    check(file.write_all(b"J"));
    show_bytes("overwrite", a, SeekFrom::Start(0), 64);
    check(file.set_len(5));
    show_bytes("truncate", a, SeekFrom::Start(0), 64);
    check(file.set_len(8));
    show_bytes("extend", a, SeekFrom::Start(0), 64);
}

fn refusal(path: &Path) -> &'static str {
    if File::open(path).is_err() { "refused" } else { "open" }
}

fn rename_and_refuse(made: &Path) {
    let b = &made.join("b.txt");
    tell("rename", fs::rename(made.join("a.txt"), b));
    tell("the old name", fs::metadata(made.join("a.txt")));
    tell("create anew", File::create_new(b));
    tell("open what is not there", File::open(made.join("none.txt")));
    tell("open beneath a file", File::open(b.join("x")));
    tell("write to a folder", OpenOptions::new().write(true).open(made));
    println!("outside: {}", refusal(&made.join("../../outside.txt")));
    println!("absolute: {}", refusal(Path::new("/outside.txt")));
}

#[allow(deprecated)] // the other way to make a link is unstable on WASI
fn fill_and_empty(made: &Path) {
    let (b, sub, link) = (&made.join("b.txt"), &made.join("sub"), &made.join("link"));
    tell("make a folder in it", fs::create_dir(sub));
    check(fs::write(sub.join("c.txt"), "c"));
    tell("remove a full folder", fs::remove_dir(sub));
    tell("link", fs::soft_link("b.txt", link));
    list(made);
    println!("the link says: {}", check(fs::read_link(link)).display());
    println!("through the link: {} bytes", size_of(link));
    tell("remove a file", fs::remove_file(sub.join("c.txt")));
    tell("remove it again", fs::remove_file(sub.join("c.txt")));
    tell("remove a folder", fs::remove_dir(sub));
    let second = |n| UNIX_EPOCH + Duration::from_secs(n);
    let times = FileTimes::new().set_accessed(second(1000000000)).set_modified(second(1000000001));
    check(check(OpenOptions::new().write(true).open(b)).set_times(times));
    let modified = check(check(fs::metadata(b)).modified());
    println!("time: {}", modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
}

fn tour_files() {
    let folder = env::args().nth(2).unwrap_or_default();
    let made = &Path::new(&folder).join("made");
    show_bytes("seed", &Path::new(&folder).join("seed.txt"), SeekFrom::Start(0), 64);
    write_and_read(made);
    rename_and_refuse(made);
    fill_and_empty(made);
}

fn main() {
    match env::args().nth(1).as_deref() {
        Some("args") => show_args(),
        Some("env") => show_env(),
        Some("copy") => copy(),
        Some("exit") => leave(),
        Some("trap") => trap(),
        Some("clock") => show_clocks(),
        Some("random") => draw(),
        Some("files") => tour_files(),
        _ => {
            eprintln!("usage: tour args|env|copy|exit N|trap|clock|random|files FOLDER");
            process::exit(2);
        }
    }
}
