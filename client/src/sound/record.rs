//! The microphone: one channel at 48 kHz, written as it comes, so that ten minutes take no more than two megabytes.

use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rodio::{
    Source,
    microphone::{Microphone, MicrophoneBuilder, available_inputs},
};

use super::{
    Tell,
    opus::{RATE, Writer},
};
use crate::model::voice::{Bytes, Heard, LONGEST_MS, LOUDEST, Take, Trouble, waveform};

/// Between two looks at what the microphone heard: it keeps a tenth of a second.
const LOOK: Duration = Duration::from_millis(15);
/// A microphone that is silent so long, without even noise, has gone away.
const GONE: Duration = Duration::from_secs(3);
/// Samples between two words about how loud it is: a tenth of a second.
const TOLD: usize = (RATE / 10) as usize;
/// Samples between two peaks of the waveform.
const PEAK: usize = (RATE / 20) as usize;

const GOES_ON: u8 = 0;
const KEPT: u8 = 1;
const FORGOTTEN: u8 = 2;

/// How a recording ends.
#[derive(Default)]
pub(super) struct Ending(AtomicU8);

impl Ending {
    pub(super) fn end(&self, keep: bool) {
        self.0.store(if keep { KEPT } else { FORGOTTEN }, Ordering::Release);
    }

    fn now(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// Begins to record, on a thread of its own: a microphone that is slow to wake up keeps nothing else waiting.
pub(super) fn start(tell: impl Tell) -> Option<Arc<Ending>> {
    let ending = Arc::<Ending>::default();
    let own = Arc::clone(&ending);
    let failed = tell.clone();
    let spawned = thread::Builder::new().name("microphone".into()).spawn(move || {
        let heard = match open() {
            Ok(microphone) => listen(microphone, &own, &tell),
            Err(trouble) => Some(Heard::Deaf(trouble)),
        };
        // Who forgets a recording hears nothing more of it: the next may have begun.
        if let Some(heard) = heard.filter(|_| own.now() != FORGOTTEN) {
            tell(heard);
        }
    });
    match spawned {
        Ok(_) => Some(ending),
        Err(error) => {
            tracing::warn!(%error, "no thread for the microphone");
            failed(Heard::Deaf(Trouble::Refused));
            None
        }
    }
}

fn open() -> Result<Microphone, Trouble> {
    configured().map_err(|error| {
        tracing::info!(error = error.as_ref(), "the microphone cannot be used");
        let none = available_inputs().is_ok_and(|inputs| inputs.is_empty());
        if none { Trouble::NoMicrophone } else { Trouble::Refused }
    })
}

fn configured() -> Result<Microphone, Box<dyn std::error::Error>> {
    let rate = NonZeroU32::new(RATE).expect("a rate is not zero");
    let builder = MicrophoneBuilder::new().default_device()?.default_config()?;
    Ok(builder.prefer_channel_counts([NonZeroU16::MIN]).prefer_sample_rates([rate]).open_stream()?)
}

/// Listens until it is told not to, or may not longer.
fn listen(mut microphone: Microphone, ending: &Ending, tell: &impl Tell) -> Option<Heard> {
    let Ok(mut recording) = Recording::new(microphone.channels(), microphone.sample_rate()) else {
        return Some(Heard::Deaf(Trouble::Refused));
    };
    let mut heard = Instant::now();
    while ending.now() == GOES_ON {
        // Asked for more than there is, it would wait.
        let there = microphone.size_hint().0;
        if there > 0 {
            heard = Instant::now();
            let samples: Vec<f32> = microphone.by_ref().take(there).collect();
            recording.push(&samples, tell).ok()?;
        } else if heard.elapsed() > GONE {
            if recording.duration_ms() == 0 {
                return Some(Heard::Deaf(Trouble::Lost));
            }
            break;
        }
        if recording.duration_ms() >= LONGEST_MS {
            break;
        }
        thread::sleep(LOOK);
    }
    if ending.now() == FORGOTTEN {
        return None;
    }
    drop(microphone);
    Some(recording.finish().map_or(Heard::Deaf(Trouble::Refused), Heard::Recorded))
}

/// A recording as it grows.
struct Recording {
    writer: Writer,
    line: Line,
    peaks: Peaks,
    /// Samples written.
    samples: u64,
    /// Samples since the last word, and the loudest of them.
    since: usize,
    loudest: f32,
}

impl Recording {
    fn new(channels: NonZeroU16, rate: NonZeroU32) -> Result<Self, opusic_c::ErrorCode> {
        let line = Line::of(channels.get().into(), rate.get());
        Ok(Self { writer: Writer::new()?, line, peaks: Peaks::of(PEAK), samples: 0, since: 0, loudest: 0.0 })
    }

    fn duration_ms(&self) -> u64 {
        self.samples * 1000 / u64::from(RATE)
    }

    fn push(&mut self, samples: &[f32], tell: &impl Tell) -> Result<(), opusic_c::ErrorCode> {
        let even = self.line.push(samples);
        self.writer.push(&even)?;
        for sample in even {
            self.peaks.push(sample);
            self.samples += 1;
            self.since += 1;
            self.loudest = self.loudest.max(sample.abs());
            if self.since == TOLD {
                // A voice seldom comes near the loudest that can be recorded: the root shows it better.
                let level = (self.loudest.min(1.0).sqrt() * f32::from(LOUDEST)) as u16;
                tell(Heard::Level { ms: self.duration_ms(), level });
                (self.since, self.loudest) = (0, 0.0);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Take, opusic_c::ErrorCode> {
        let duration_ms = self.duration_ms();
        let sound = Bytes(self.writer.finish(rand::random())?.into());
        Ok(Take { sound, duration_ms, waveform: waveform(&self.peaks.done()) })
    }
}

/// Makes one channel of several, at [`RATE`]: between two samples lies what a line between them has.
struct Line {
    channels: usize,
    /// Samples of the microphone for one of ours.
    step: f64,
    /// Where the next of ours lies after `last`.
    place: f64,
    last: Option<f32>,
    /// The beginning of a frame whose other channels are still to come.
    begun: Vec<f32>,
}

impl Line {
    fn of(channels: usize, rate: u32) -> Self {
        Self { channels, step: f64::from(rate) / f64::from(RATE), place: 0.0, last: None, begun: Vec::new() }
    }

    fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut even = Vec::with_capacity((samples.len() as f64 / self.step) as usize + 2);
        self.begun.extend_from_slice(samples);
        let whole = self.begun.len() / self.channels * self.channels;
        for frame in self.begun[..whole].chunks(self.channels) {
            let sample = frame.iter().sum::<f32>() / self.channels as f32;
            if let Some(last) = self.last {
                while self.place < 1.0 {
                    even.push(last + (sample - last) * self.place as f32);
                    self.place += self.step;
                }
                self.place -= 1.0;
            }
            self.last = Some(sample);
        }
        self.begun.drain(..whole);
        even
    }
}

/// The loudest of every so many samples.
pub(super) struct Peaks {
    each: usize,
    count: usize,
    peak: f32,
    peaks: Vec<f32>,
}

impl Peaks {
    pub(super) fn of(each: usize) -> Self {
        Self { each: each.max(1), count: 0, peak: 0.0, peaks: Vec::new() }
    }

    pub(super) fn push(&mut self, sample: f32) {
        self.peak = self.peak.max(sample.abs());
        self.count += 1;
        if self.count == self.each {
            self.peaks.push(self.peak);
            (self.count, self.peak) = (0, 0.0);
        }
    }

    pub(super) fn done(mut self) -> Vec<f32> {
        if self.count > 0 {
            self.peaks.push(self.peak);
        }
        self.peaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::opus::{
        Reader,
        tests::{frequency, sine},
    };
    use std::sync::{Mutex, PoisonError};

    #[test]
    fn several_channels_of_any_rate_become_one_of_ours() {
        let mono = sine(300.0, 44_100);
        // The same in both ears, and 44.1 kHz instead of 48.
        let stereo: Vec<f32> = mono.iter().flat_map(|sample| [*sample, *sample]).collect();
        let mut line = Line::of(2, 44_100);
        let even: Vec<f32> = stereo.chunks(333).flat_map(|samples| line.push(samples)).collect();
        assert!(even.len().abs_diff(48_000) < 4, "{}", even.len());
        let hertz = frequency(&even);
        assert!((hertz - 300.0 * 44.1 / 48.0).abs() < 1.0, "{hertz}");
    }

    #[test]
    fn what_a_microphone_hears_becomes_a_voice_message() {
        let levels = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&levels);
        let tell = move |heard| own.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        let rate = NonZeroU32::new(RATE).unwrap();
        let mut recording = Recording::new(NonZeroU16::MIN, rate).unwrap();
        recording.push(&vec![0.0; 48_000], &tell).unwrap();
        recording.push(&sine(440.0, 48_001), &tell).unwrap();
        let take = recording.finish().unwrap();
        assert_eq!(take.duration_ms, 2000);
        assert_eq!(Reader::new(take.sound.as_ref()).unwrap().count(), 96_000);
        assert_eq!((take.waveform[10], take.waveform[90]), (0, LOUDEST));
        let levels = levels.lock().unwrap();
        assert_eq!(levels.len(), 20, "ten times a second");
        assert_eq!(levels[0], Heard::Level { ms: 100, level: 0 });
        assert!(matches!(levels[19], Heard::Level { ms: 2000, level } if level > 600));
    }
}
