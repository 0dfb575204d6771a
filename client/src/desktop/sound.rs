//! The sound of a notification: two soft notes, made here, so that nothing has to be shipped or licensed.

use std::{
    f32::consts::TAU,
    num::{NonZeroU16, NonZeroU32},
    sync::atomic::{AtomicBool, Ordering},
};

use rodio::{DeviceSinkBuilder, Player, buffer::SamplesBuffer};

const RATE: u32 = 44_100;
/// Its notes: when each begins, in seconds, and its pitch, in hertz (E5, A5).
const NOTES: [(f32, f32); 2] = [(0.0, 659.26), (0.11, 880.0)];
const SECONDS: f32 = 0.7;
const LOUDNESS: f32 = 0.16;

/// The samples, in −1…1, one channel.
fn samples() -> Vec<f32> {
    let count = (SECONDS * RATE as f32) as usize;
    (0..count)
        .map(|index| {
            let now = index as f32 / RATE as f32;
            let note = |(begin, pitch): (f32, f32)| {
                let since = now - begin;
                if since < 0.0 {
                    return 0.0;
                }
                // Fades in over a few milliseconds, for a click is not soft, and out like a struck bar.
                let shape = (since / 0.008).min(1.0) * (-since * 9.0).exp();
                shape * ((TAU * pitch * since).sin() + 0.2 * (TAU * 2.0 * pitch * since).sin())
            };
            let end = ((SECONDS - now) / 0.05).clamp(0.0, 1.0);
            LOUDNESS * end * NOTES.into_iter().map(note).sum::<f32>()
        })
        .collect()
}

/// Plays it once; while it plays, further calls do nothing. A computer without a sound device stays silent.
pub(super) fn play() {
    static PLAYING: AtomicBool = AtomicBool::new(false);
    if PLAYING.swap(true, Ordering::AcqRel) {
        return;
    }
    let spawned = std::thread::Builder::new().name("sound".into()).spawn(|| {
        match DeviceSinkBuilder::open_default_sink() {
            Ok(mut sink) => {
                sink.log_on_drop(false);
                let player = Player::connect_new(sink.mixer());
                let rate = NonZeroU32::new(RATE).expect("a rate is not zero");
                player.append(SamplesBuffer::new(NonZeroU16::MIN, rate, samples()));
                player.sleep_until_end();
            }
            Err(error) => tracing::info!(%error, "no sound device"),
        }
        PLAYING.store(false, Ordering::Release);
    });
    if spawned.is_err() {
        PLAYING.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_is_soft_and_begins_and_ends_in_silence() {
        let samples = samples();
        let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!((0.05..0.35).contains(&loudest), "{loudest}");
        assert!(samples[0].abs() < 0.001 && samples[samples.len() - 1].abs() < 0.001);
        let steepest = samples.windows(2).fold(0.0_f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
        assert!(steepest < 0.06, "a click: {steepest}");
    }
}
