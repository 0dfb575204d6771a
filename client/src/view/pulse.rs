//! Measures how long the window's thread is busy at a stretch: a wish that a person's hand makes in that time waits as
//! long, and a frame comes as late. Only where `PARTA_PULSE` names a file, as tests and benchmarks do.

use std::{
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Between two questions to the window's thread.
const BEAT: Duration = Duration::from_millis(4);
/// Between two writings of the file.
const TOLD: Duration = Duration::from_secs(1);
/// Bounds of the counts, in milliseconds: a frame of 60 a second, one of 30, and what a person notices.
const BOUNDS: [u128; 3] = [16, 33, 100];

/// Begins to measure, if asked to. The file is rewritten every second: how many questions were asked, how many of them
/// waited longer than each bound, and the longest wait, in milliseconds. Once it is taken away, all is counted from there.
pub(super) fn begin() {
    if let Some(file) = std::env::var_os("PARTA_PULSE") {
        thread::spawn(move || measure(&PathBuf::from(file)));
    }
}

fn measure(file: &PathBuf) {
    let (answer, answered) = mpsc::channel();
    let (mut asked, mut over, mut longest, mut told) = (0_u64, [0_u64; BOUNDS.len()], Duration::ZERO, Instant::now());
    loop {
        let begun = Instant::now();
        let answer = answer.clone();
        // The window is gone, and with it the program soon.
        let question = move || {
            // Who asked waits for the answer.
            let _ = answer.send(());
        };
        if slint::invoke_from_event_loop(question).is_err() || answered.recv().is_err() {
            return;
        }
        let waited = begun.elapsed();
        asked += 1;
        longest = longest.max(waited);
        for (count, bound) in over.iter_mut().zip(BOUNDS) {
            *count += u64::from(waited.as_millis() >= bound);
        }
        if told.elapsed() >= TOLD {
            told = Instant::now();
            // Taken away by who reads it, to count from here.
            if !file.exists() {
                (asked, over, longest) = (0, [0; BOUNDS.len()], Duration::ZERO);
            }
            let counts: Vec<String> =
                over.iter().zip(BOUNDS).map(|(count, bound)| format!("\"over_{bound}_ms\": {count}")).collect();
            let longest = longest.as_secs_f64() * 1000.0;
            let text = format!("{{\"asked\": {asked}, {}, \"longest_ms\": {longest:.1}}}\n", counts.join(", "));
            if let Err(error) = std::fs::write(file, text) {
                tracing::warn!(%error, "the pulse cannot be written");
            }
        }
        thread::sleep(BEAT);
    }
}
