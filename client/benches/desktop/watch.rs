//! Looks at a program from outside: at its screen, and at what the kernel knows of it.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection,
    protocol::xproto::{ConnectionExt, ImageFormat, Window},
    rust_connection::RustConnection,
};

use crate::until;

/// A picture that has not changed for so long stays.
const SETTLED: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// The part of the screen that is looked at: the conversation, without the field in which a cursor blinks.
const PART: (i16, i16, u16, u16) = (420, 100, 900, 560);

/// How long a start took.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    /// To the first frame
    pub(crate) first: Seconds,
    /// To the picture that stays
    pub(crate) settled: Seconds,
}

/// Seconds, told with two digits.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Seconds(f64);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2}", self.0)
    }
}

/// A number told with two digits.
pub(crate) struct Share(f64);

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2}", self.0)
    }
}

/// The middle of some starts.
pub(crate) fn middle(starts: Vec<Start>) -> Start {
    let middle = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        Seconds(times[times.len() / 2])
    };
    Start {
        first: middle(starts.iter().map(|start| start.first.0).collect()),
        settled: middle(starts.iter().map(|start| start.settled.0).collect()),
    }
}

/// What a screen shows.
pub(crate) struct Screen {
    connection: RustConnection,
    root: Window,
}

impl Screen {
    pub(crate) fn open(name: &str) -> Self {
        let (connection, number) = x11rb::connect(Some(name)).unwrap();
        let root = connection.setup().roots[number].root;
        Self { connection, root }
    }

    fn part(&self) -> Vec<u8> {
        let (x, y, width, height) = PART;
        let picture = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, u32::MAX);
        picture.unwrap().reply().unwrap().data
    }

    /// Waits until no window is there.
    pub(crate) fn wait_until_empty(&self) {
        until("an empty screen", || is_empty(&self.part()).then_some(()));
    }

    /// Looks until the picture stays.
    pub(crate) fn watch(&self, begun: Instant) -> Start {
        let (mut first, mut seen, mut changed) = (None, 0, begun);
        until("a picture that stays", || {
            std::thread::sleep(LOOK);
            let part = self.part();
            let now = Instant::now();
            if first.is_none() && is_empty(&part) {
                return None;
            }
            first.get_or_insert(now);
            let mut hasher = DefaultHasher::new();
            part.hash(&mut hasher);
            let hash = hasher.finish();
            if hash != seen {
                (seen, changed) = (hash, now);
            }
            (changed.elapsed() > SETTLED).then_some(())
        });
        let since = |at: Instant| Seconds((at - begun).as_secs_f64());
        Start { first: since(first.unwrap_or(changed)), settled: since(changed) }
    }
}

/// Whether only the bare screen shows: all of one colour, black. The fourth byte of a pixel says nothing.
fn is_empty(part: &[u8]) -> bool {
    part.chunks_exact(4).all(|pixel| pixel[..3] == [0, 0, 0])
}

/// What a program holds.
pub(crate) struct Memory {
    rss: u64,
    pss: u64,
}

impl fmt::Display for Memory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} / {}", self.rss / 1000, self.pss / 1000)
    }
}

/// What a process holds, by `/proc/PID/smaps_rollup`.
pub(crate) fn memory(process: u32) -> Memory {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let bytes = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024 / 1000
    };
    Memory { rss: bytes("Rss:"), pss: bytes("Pss:") }
}

/// What a process costs while nothing happens: per cent of a core, and how often a second a thread of it wakes up.
pub(crate) fn cost(process: u32, time: Duration) -> (Share, Share) {
    let (busy, wakes) = (ticks(process), wakes(process));
    std::thread::sleep(time);
    let seconds = time.as_secs_f64();
    // A tick of `/proc` is a hundredth of a second.
    let share = (ticks(process) - busy) as f64 / seconds;
    (Share(share), Share((self::wakes(process).saturating_sub(wakes)) as f64 / seconds))
}

fn ticks(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in brackets may have blanks; the time of user and system are fields 14 and 15.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn wakes(process: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok())
        .filter_map(|text| {
            let count = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().to_owned();
            count.parse::<u64>().ok()
        })
        .sum()
}
