//! The example application in Rust: hello, hash, state and image, told apart by the path's
//! last part. Each request is a process of its own: it reads standard input, prints and is gone.

use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, ErrorKind, Read, Seek, Write};

const COUNT_FILE: &str = "/state/count";
const MOST_BYTES: u64 = 8 << 20;
const MOST_PIXELS: u64 = 8 << 20;
const MOST_WIDTH: u32 = 2000;

enum Fault {
    /// The request's own fault: a status and what to say.
    Refused(u16, &'static str),
    /// Ours.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

fn broken<E>(_: E) -> Fault {
    Fault::Refused(400, "this PNG is broken")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn query(name: &str) -> Option<String> {
    let query = variable("QUERY_STRING");
    let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    pair.map(|(_, value)| value.to_string())
}

fn say(status: u16, words: &str) -> io::Result<()> {
    let allow = if status == 405 { "Allow: GET, HEAD, POST\n" } else { "" };
    print!("Status: {status}\n{allow}Content-Type: text/plain\n\n{words}\n");
    io::stdout().flush()
}

fn hello() -> Result<(), Fault> {
    let name = query("name").unwrap_or_else(|| "world".into());
    Ok(say(200, &format!("Hello, {name}, from Rust."))?)
}

fn hash() -> Result<(), Fault> {
    let mut hash = Sha256::new();
    io::copy(&mut io::stdin().lock(), &mut hash)?;
    let words: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(say(200, &words)?)
}

/// The count is the length of a file. An append moves the descriptor to the end of what it
/// wrote in the same step, so that its place is a number that nobody else gets; no lock is
/// needed, and a process that is killed leaves a byte appended or not.
fn add_one() -> io::Result<u64> {
    let mut file = OpenOptions::new().append(true).create(true).open(COUNT_FILE)?;
    file.write_all(b"+")?;
    file.stream_position()
}

fn count() -> io::Result<u64> {
    match fs::metadata(COUNT_FILE) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn state() -> Result<(), Fault> {
    let n = match variable("REQUEST_METHOD").as_str() {
        "GET" | "HEAD" => count()?,
        "POST" => add_one()?,
        _ => return Err(Fault::Refused(405, "GET or POST")),
    };
    Ok(say(200, &n.to_string())?)
}

struct Picture {
    width: u32,
    height: u32,
    channels: usize,
    pixels: Vec<u8>,
}

/// A picture's size is in its first bytes: one that is too large is refused before memory is
/// taken for it.
fn read_picture() -> Result<Picture, Fault> {
    let mut body = Vec::new();
    io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut body)?;
    if body.len() as u64 > MOST_BYTES {
        return Err(Fault::Refused(413, "a picture may have 8 MiB"));
    }
    if !body.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(Fault::Refused(415, "post a PNG"));
    }
    let mut decoder = png::Decoder::new(Cursor::new(body));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(Fault::Refused(413, "a picture may have 8 million pixels"));
    }
    let mut pixels = vec![0; reader.output_buffer_size()];
    reader.next_frame(&mut pixels).map_err(broken)?;
    let channels = reader.output_color_type().0.samples();
    Ok(Picture { width, height, channels, pixels })
}

/// Where a new pixel's old ones begin and end; there is one at least.
fn covered(at: u32, new: u32, old: u32) -> (usize, usize) {
    let [at, new, old] = [at, new, old].map(u64::from);
    let begin = at * old / new;
    (begin as usize, ((at + 1) * old / new).max(begin + 1) as usize)
}

/// Each new pixel is the mean of the old ones that it covers, or the nearest one.
fn resize(from: &Picture, width: u32, height: u32) -> Vec<u8> {
    let mut to = Vec::with_capacity(width as usize * height as usize * from.channels);
    for y in 0..height {
        let (top, bottom) = covered(y, height, from.height);
        for x in 0..width {
            let (left, right) = covered(x, width, from.width);
            for channel in 0..from.channels {
                let at = |row: usize, column: usize| (row * from.width as usize + column) * from.channels + channel;
                let sum: u64 = (top..bottom)
                    .map(|row| (left..right).map(|column| u64::from(from.pixels[at(row, column)])).sum::<u64>())
                    .sum();
                to.push((sum / ((bottom - top) * (right - left)) as u64) as u8);
            }
        }
    }
    to
}

fn wanted_width() -> Result<u32, Fault> {
    match query("width").map(|words| words.parse()) {
        None => Ok(200),
        Some(Ok(n)) if (1..=MOST_WIDTH).contains(&n) => Ok(n),
        Some(_) => Err(Fault::Refused(400, "width: want a number from 1 to 2000")),
    }
}

fn write_picture(width: u32, height: u32, channels: usize, pixels: &[u8]) -> io::Result<()> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(match channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    let mut out = io::stdout().lock();
    out.write_all(b"Content-Type: image/png\n\n")?;
    out.write_all(&png)?;
    out.flush()
}

fn image() -> Result<(), Fault> {
    let width = wanted_width()?;
    let from = read_picture()?;
    let scaled = (u64::from(from.height) * u64::from(width) + u64::from(from.width) / 2) / u64::from(from.width);
    let height = scaled.max(1);
    if height * u64::from(width) > MOST_PIXELS {
        return Err(Fault::Refused(413, "the result would be too large"));
    }
    let small = resize(&from, width, height as u32);
    Ok(write_picture(width, height as u32, from.channels, &small)?)
}

fn main() {
    let path = variable("PATH_INFO");
    let function = match path.rsplit('/').next() {
        Some("hash") => hash,
        Some("state") => state,
        Some("image") => image,
        _ => hello,
    };
    let done = match function() {
        Err(Fault::Refused(status, words)) => say(status, words).map_err(Fault::Io),
        other => other,
    };
    if let Err(Fault::Io(error)) = done {
        eprintln!("{error}");
        let _ = say(500, "something is out of order");
        std::process::exit(1);
    }
}
