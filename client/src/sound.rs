//! Playing and recording. A thread of its own does what it is ordered and tells what came of it; nothing in here knows of
//! the window or of Matrix. A computer without a sound device is told as such.

mod deck;
mod opus;
mod record;

use std::{
    io::Cursor,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use rodio::{Decoder, DeviceSinkBuilder, MixerDeviceSink, Source};

use crate::model::voice::{Bytes, Heard, LONGEST_MS, Order, Trouble, waveform};
use deck::{Deck, Knobs};
use record::{Ending, Peaks};

/// Between two words about how far a sound is.
const TOLD: Duration = Duration::from_millis(100);

/// Where words go.
trait Tell: Fn(Heard) + Clone + Send + 'static {}
impl<T: Fn(Heard) + Clone + Send + 'static> Tell for T {}

/// Starts the thread of sounds. It ends once nobody can order anything any more.
pub fn start(tell: impl Fn(Heard) + Clone + Send + 'static) -> std::io::Result<Sender<Order>> {
    let (orders, received) = mpsc::channel();
    thread::Builder::new().name("sound".into()).spawn(move || work(&received, &tell))?;
    Ok(orders)
}

/// A sound on its device.
struct Stage {
    key: String,
    knobs: Arc<Knobs>,
    /// The device went away.
    lost: Arc<AtomicBool>,
    /// Sounds while it is there.
    _sink: MixerDeviceSink,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.knobs.close();
    }
}

fn work(orders: &Receiver<Order>, tell: &impl Tell) {
    let mut stage: Option<Stage> = None;
    let mut recording: Option<Arc<Ending>> = None;
    let mut told = None;
    loop {
        // Only what sounds is looked after.
        let sounding = stage.as_ref().is_some_and(|stage| !stage.knobs.is_paused());
        let order = if sounding {
            orders.recv_timeout(TOLD)
        } else {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match order {
            Ok(Order::Play { key, sound, from_ms, speed, measure }) => {
                // The device is let go of before it is asked for again.
                drop(stage.take());
                told = None;
                stage = play(key, &sound, (from_ms, speed), measure, tell);
            }
            Ok(Order::Close) => stage = None,
            Ok(Order::Record) => {
                finish(recording.take(), false);
                recording = record::start(tell.clone());
            }
            Ok(Order::Finish) => finish(recording.take(), true),
            Ok(Order::Discard) => finish(recording.take(), false),
            Ok(order) => {
                if let Some(stage) = &stage {
                    turn(&stage.knobs, &order);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                let Some(now) = &stage else { continue };
                if now.knobs.has_ended() {
                    tell(Heard::Ended(now.key.clone()));
                    stage = None;
                } else if now.lost.load(Ordering::Acquire) {
                    tell(Heard::Mute { key: now.key.clone(), trouble: Trouble::NoDevice });
                    stage = None;
                } else if told != Some(now.knobs.at_ms()) {
                    told = Some(now.knobs.at_ms());
                    tell(Heard::At { key: now.key.clone(), ms: now.knobs.at_ms() });
                }
            }
            Err(RecvTimeoutError::Disconnected) => return finish(recording.take(), false),
        }
    }
}

fn finish(recording: Option<Arc<Ending>>, keep: bool) {
    if let Some(ending) = recording {
        ending.end(keep);
    }
}

fn turn(knobs: &Knobs, order: &Order) {
    match order {
        Order::Pause => knobs.pause(true),
        Order::Resume => knobs.pause(false),
        Order::Seek(ms) => knobs.seek(*ms),
        Order::Speed(speed) => knobs.hasten(*speed),
        _ => {}
    }
}

fn play(key: String, sound: &Bytes, (from_ms, speed): (u64, f32), measure: bool, tell: &impl Tell) -> Option<Stage> {
    let Some(source) = open(sound) else {
        tell(Heard::Mute { key, trouble: Trouble::Unknown });
        return None;
    };
    let total_ms = source.total_duration().map(|total| total.as_millis() as u64).filter(|total| *total > 0);
    let knobs = Arc::new(Knobs::new(from_ms, speed));
    let lost = Arc::<AtomicBool>::default();
    let sink = match device(&lost) {
        Ok(mut sink) => {
            sink.log_on_drop(false);
            sink
        }
        Err(error) => {
            tracing::info!(%error, "no sound device");
            tell(Heard::Mute { key, trouble: Trouble::NoDevice });
            return None;
        }
    };
    sink.mixer().add(Deck::new(source, Arc::clone(&knobs)));
    tell(Heard::Began { key: key.clone(), total_ms });
    if measure && total_ms.is_none_or(|total| total <= LONGEST_MS) {
        measure_aside(key.clone(), sound.clone(), tell.clone());
    }
    Some(Stage { key, knobs, lost, _sink: sink })
}

fn device(lost: &Arc<AtomicBool>) -> Result<MixerDeviceSink, rodio::DeviceSinkError> {
    let lost = Arc::clone(lost);
    let heard = move |error: rodio::cpal::Error| {
        tracing::info!(%error, "sound device");
        if error.kind() == rodio::cpal::ErrorKind::DeviceNotAvailable {
            lost.store(true, Ordering::Release);
        }
    };
    DeviceSinkBuilder::from_default_device()?.with_error_callback(heard).open_sink_or_fallback()
}

/// The samples of a file, whatever it is written in; `None` for what cannot be read.
fn open(sound: &Bytes) -> Option<Box<dyn Source + Send>> {
    if opus::is_opus(sound.as_ref()) {
        let source = opus::Reader::new(sound.as_ref());
        return source.map(|source| Box::new(source) as Box<dyn Source + Send>);
    }
    let length = sound.as_ref().len() as u64;
    match Decoder::builder().with_data(Cursor::new(sound.clone())).with_byte_len(length).with_gapless(true).build() {
        Ok(source) => Some(Box::new(source)),
        Err(error) => {
            tracing::info!(%error, "a sound cannot be read");
            None
        }
    }
}

/// Computes the waveform of a sound beside its playing; one that turns out to be long has none.
fn measure_aside(key: String, sound: Bytes, tell: impl Tell) {
    let spawned = thread::Builder::new().name("waveform".into()).spawn(move || {
        if let Some(waveform) = open(&sound).and_then(measure) {
            tell(Heard::Measured { key, waveform });
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no waveform");
    }
}

fn measure(source: Box<dyn Source + Send>) -> Option<Vec<u16>> {
    let (channels, rate) = (u64::from(source.channels().get()), u64::from(source.sample_rate().get()));
    let most = LONGEST_MS * rate / 1000 * channels;
    let mut peaks = Peaks::of((rate * channels / 20) as usize);
    let mut count = 0_u64;
    for sample in source {
        peaks.push(sample);
        count += 1;
        if count > most {
            return None;
        }
    }
    (count > 0).then(|| waveform(&peaks.done()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 16 bit samples.
    fn wav(samples: &[i16], rate: u32) -> Bytes {
        let size = samples.len() as u32 * 2;
        let mut file = Vec::new();
        file.extend(b"RIFF");
        file.extend((36 + size).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(16_u32.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate * 2).to_le_bytes());
        file.extend(2_u16.to_le_bytes());
        file.extend(16_u16.to_le_bytes());
        file.extend(b"data");
        file.extend(size.to_le_bytes());
        samples.iter().for_each(|sample| file.extend(sample.to_le_bytes()));
        Bytes(file.into())
    }

    #[test]
    fn a_file_is_read_and_its_waveform_computed() {
        let samples: Vec<i16> = (0..16_000).map(|index| if index < 8000 { 0 } else { 16_000 }).collect();
        let file = wav(&samples, 16_000);
        let source = open(&file).unwrap();
        assert_eq!(source.total_duration(), Some(Duration::from_secs(1)));
        let wave = measure(source).unwrap();
        assert_eq!((wave[10], wave[90]), (0, crate::model::voice::LOUDEST));
    }

    #[test]
    fn what_is_no_sound_is_not_read() {
        assert!(open(&Bytes(Arc::from(&b"not a sound at all"[..]))).is_none());
        assert!(open(&Bytes(Arc::from(&b""[..]))).is_none());
    }
}
