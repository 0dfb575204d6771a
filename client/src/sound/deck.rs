//! What stands between a file and the device: pause, place, and a speed that leaves the pitch alone.

use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use rodio::{Sample, Source};

/// No place to go to.
const NOWHERE: u64 = u64::MAX;

/// What can be turned while a sound plays, from another thread.
pub(super) struct Knobs {
    paused: AtomicBool,
    closed: AtomicBool,
    ended: AtomicBool,
    goal_ms: AtomicU64,
    percent: AtomicU32,
    at_ms: AtomicU64,
}

impl Knobs {
    pub(super) fn new(from_ms: u64, speed: f32) -> Self {
        let knobs = Self {
            paused: AtomicBool::default(),
            closed: AtomicBool::default(),
            ended: AtomicBool::default(),
            goal_ms: AtomicU64::new(if from_ms == 0 { NOWHERE } else { from_ms }),
            percent: AtomicU32::default(),
            at_ms: AtomicU64::new(from_ms),
        };
        knobs.hasten(speed);
        knobs
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(super) fn seek(&self, ms: u64) {
        self.goal_ms.store(ms, Ordering::Release);
        self.at_ms.store(ms, Ordering::Release);
    }

    pub(super) fn hasten(&self, speed: f32) {
        self.percent.store((speed * 100.0).round().clamp(50.0, 300.0) as u32, Ordering::Release);
    }

    /// The sound goes away with the next samples.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn at_ms(&self) -> u64 {
        self.at_ms.load(Ordering::Acquire)
    }
}

/// A sound as the device gets it. Faster than it was recorded it is cut into pieces of 40 ms, which are laid over each
/// other where they fit best ("waveform similarity overlap-add"), so that a voice stays the person's own.
pub(super) struct Deck {
    source: Box<dyn Source + Send>,
    knobs: Arc<Knobs>,
    channels: NonZeroU16,
    rate: NonZeroU32,
    input: Vec<f32>,
    /// Frames of the source before `input`.
    before: u64,
    /// What the last piece ends with, to fade into the next.
    tail: Vec<f32>,
    output: Vec<f32>,
    given: usize,
    /// The source has no more.
    dry: bool,
}

impl Deck {
    pub(super) fn new(source: Box<dyn Source + Send>, knobs: Arc<Knobs>) -> Self {
        Self {
            channels: source.channels(),
            rate: source.sample_rate(),
            source,
            knobs,
            input: Vec::new(),
            before: 0,
            tail: Vec::new(),
            output: Vec::new(),
            given: 0,
            dry: false,
        }
    }

    /// So many samples of all channels as are heard in a time.
    fn frames(&self, ms: u32) -> usize {
        (self.rate.get() * ms / 1000) as usize
    }

    fn width(&self) -> usize {
        self.channels.get().into()
    }

    fn refill(&mut self) -> Option<()> {
        self.output.clear();
        self.given = 0;
        if self.knobs.closed.load(Ordering::Acquire) {
            return None;
        }
        let goal = self.knobs.goal_ms.swap(NOWHERE, Ordering::AcqRel);
        if goal != NOWHERE && self.source.try_seek(Duration::from_millis(goal)).is_ok() {
            self.input.clear();
            self.tail.clear();
            self.before = goal * u64::from(self.rate.get()) / 1000;
            self.dry = false;
        }
        if self.knobs.is_paused() {
            self.output.resize(self.frames(10).max(1) * self.width(), 0.0);
            return Some(());
        }
        self.piece();
        if self.output.is_empty() {
            self.knobs.ended.store(true, Ordering::Release);
            return None;
        }
        self.knobs.at_ms.store(self.before * 1000 / u64::from(self.rate.get()), Ordering::Release);
        Some(())
    }

    /// Makes the next piece.
    fn piece(&mut self) {
        let percent = self.knobs.percent.load(Ordering::Acquire) as usize;
        let width = self.width();
        let (whole, overlap) = (self.frames(40).max(2), self.frames(8).max(1));
        let search = if percent == 100 { 0 } else { self.frames(12) };
        let stride = (whole - overlap) * percent / 100;
        let needed = (search + whole).max(stride) * width;
        while !self.dry && self.input.len() < needed {
            match self.source.next() {
                Some(sample) => self.input.push(sample),
                None => self.dry = true,
            }
        }
        if self.input.len() < needed {
            // The end, as it is.
            fade(&self.tail, &mut self.input, width);
            self.before += (self.input.len() / width) as u64;
            std::mem::swap(&mut self.output, &mut self.input);
            self.input.clear();
            self.tail.clear();
            return;
        }
        let from = self.fit(search, overlap) * width;
        let mut piece = self.input[from..from + whole * width].to_vec();
        fade(&self.tail, &mut piece, width);
        self.tail = piece.split_off((whole - overlap) * width);
        self.output = piece;
        self.input.drain(..stride * width);
        self.before += stride as u64;
    }

    /// The frame at which the next piece fits to the tail best.
    fn fit(&self, search: usize, overlap: usize) -> usize {
        let width = self.width();
        if self.tail.is_empty() || search == 0 {
            return 0;
        }
        let likeness = |from: usize| {
            let (mut product, mut energy) = (0.0, f32::EPSILON);
            for index in (0..overlap).step_by(2) {
                let sample = self.input[(from + index) * width];
                product += sample * self.tail[index * width];
                energy += sample * sample;
            }
            product / energy.sqrt()
        };
        let places = (0..search).step_by(3).map(|from| (from, likeness(from)));
        places.fold((0, f32::MIN), |best, place| if place.1 > best.1 { place } else { best }).0
    }
}

/// Lets one sound go into the beginning of the next.
fn fade(tail: &[f32], next: &mut [f32], width: usize) {
    let frames = (tail.len() / width).max(1) as f32;
    for (index, (sample, old)) in next.iter_mut().zip(tail).enumerate() {
        let part = (index / width) as f32 / frames;
        *sample = old * (1.0 - part) + *sample * part;
    }
}

impl Iterator for Deck {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        if self.given >= self.output.len() {
            self.refill()?;
        }
        self.given += 1;
        Some(self.output[self.given - 1])
    }
}

impl Source for Deck {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> NonZeroU16 {
        self.channels
    }

    fn sample_rate(&self) -> NonZeroU32 {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::opus::{
        RATE,
        tests::{frequency, sine},
    };
    use rodio::buffer::SamplesBuffer;

    fn deck(seconds: usize, from_ms: u64, speed: f32) -> (Deck, Arc<Knobs>) {
        let rate = NonZeroU32::new(RATE).unwrap();
        let samples = sine(300.0, seconds * RATE as usize);
        let source = Box::new(SamplesBuffer::new(NonZeroU16::MIN, rate, samples));
        let knobs = Arc::new(Knobs::new(from_ms, speed));
        (Deck::new(source, Arc::clone(&knobs)), knobs)
    }

    #[test]
    fn as_it_was_recorded_nothing_changes() {
        let (deck, knobs) = deck(1, 0, 1.0);
        let came: Vec<f32> = deck.collect();
        let sent = sine(300.0, RATE as usize);
        assert_eq!(came.len(), sent.len());
        let apart = came.iter().zip(&sent).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(apart < 0.0001, "{apart}");
        assert!(knobs.has_ended());
        assert_eq!(knobs.at_ms(), 1000);
    }

    #[test]
    fn faster_is_shorter_and_not_higher() {
        for speed in [1.5, 2.0] {
            let came: Vec<f32> = deck(4, 0, speed).0.collect();
            let seconds = came.len() as f32 / RATE as f32;
            assert!((seconds - 4.0 / speed).abs() < 0.1, "{seconds}");
            let hertz = frequency(&came[4800..came.len() - 9600]);
            assert!((hertz - 300.0).abs() < 9.0, "{hertz} at {speed}");
        }
    }

    #[test]
    fn it_waits_goes_elsewhere_and_ends() {
        let (mut deck, knobs) = deck(4, 1000, 1.0);
        assert!(deck.next().is_some());
        assert!((1000..1100).contains(&knobs.at_ms()), "{}", knobs.at_ms());
        knobs.pause(true);
        let silence: Vec<f32> = deck.by_ref().skip(4800).take(4800).collect();
        assert!(silence.iter().all(|sample| sample.abs() < f32::EPSILON));
        knobs.seek(3000);
        assert_eq!(knobs.at_ms(), 3000, "it is told at once");
        knobs.pause(false);
        let rest = deck.by_ref().count();
        assert!((47_000..49_500).contains(&rest), "{rest}");
        assert!(knobs.has_ended());
    }

    #[test]
    fn what_is_closed_is_not_heard() {
        let (mut deck, knobs) = deck(1, 0, 1.0);
        knobs.close();
        assert_eq!(deck.next(), None);
        assert!(!knobs.has_ended(), "it did not come to its end");
    }
}
