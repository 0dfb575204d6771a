//! Opus in Ogg (RFC 7845): voices are written so, one channel at 48 kHz, and read whoever wrote them.

use std::{
    io::Cursor,
    num::{NonZeroU16, NonZeroU32},
    sync::Arc,
    time::Duration,
};

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use opusic_c::{Application, Bitrate, Channels, Decoder, Encoder, ErrorCode, SampleRate, Signal};
use rodio::{Sample, Source, source::SeekError};

/// Samples a second, for Opus in Ogg always these.
pub(super) const RATE: u32 = 48_000;
/// Samples of a frame as written: 20 ms.
const FRAME: usize = 960;
/// Bits a second: enough for a voice.
const BITS: u32 = 24_000;
/// Frames on a page: a second.
const ON_PAGE: usize = 50;
/// Bytes of a packet at most (RFC 6716, section 3.2.1, for one frame).
const PACKET: usize = 1275;
/// Samples of a packet at most: 120 ms.
const LONGEST: usize = 5760;
/// The decoder finds its state again within 80 ms (RFC 7845, section 4.6).
const PREROLL: u64 = 3840;

/// Writes a voice.
pub(super) struct Writer {
    encoder: Encoder,
    waiting: Vec<f32>,
    packets: Vec<Vec<u8>>,
    /// Samples that came.
    samples: u64,
    /// Samples at the beginning that are not to be heard.
    skip: u16,
}

impl Writer {
    pub(super) fn new() -> Result<Self, ErrorCode> {
        let mut encoder = Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Value(BITS))?;
        encoder.set_signal(Signal::Voice)?;
        let skip = u16::try_from(encoder.get_look_ahead()?).unwrap_or_default();
        Ok(Self { encoder, waiting: Vec::new(), packets: Vec::new(), samples: 0, skip })
    }

    /// Takes samples, −1 to 1, [`RATE`] a second.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), ErrorCode> {
        self.samples += samples.len() as u64;
        self.waiting.extend_from_slice(samples);
        while self.waiting.len() >= FRAME {
            self.encode()?;
        }
        Ok(())
    }

    fn encode(&mut self) -> Result<(), ErrorCode> {
        let mut packet = Vec::with_capacity(PACKET);
        self.encoder.encode_float_to_vec(&self.waiting[..FRAME], &mut packet)?;
        self.waiting.drain(..FRAME);
        self.packets.push(packet);
        Ok(())
    }

    /// The file. What the encoder holds back is pushed out by silence, and the last page says where the sound ends.
    pub(super) fn finish(mut self, serial: u32) -> Result<Vec<u8>, ErrorCode> {
        let end = self.samples + u64::from(self.skip);
        while (self.packets.len() * FRAME) < end as usize {
            self.waiting.resize(FRAME.max(self.waiting.len()), 0.0);
            self.encode()?;
        }
        Ok(self.pages(serial, end).expect("memory takes what is written to it"))
    }

    fn pages(self, serial: u32, end: u64) -> std::io::Result<Vec<u8>> {
        let mut writer = PacketWriter::new(Vec::new());
        writer.write_packet(head(self.skip), serial, PacketWriteEndInfo::EndPage, 0)?;
        let last = self.packets.len();
        let alone = if last == 0 { PacketWriteEndInfo::EndStream } else { PacketWriteEndInfo::EndPage };
        writer.write_packet(tags(), serial, alone, 0)?;
        for (packet, number) in self.packets.into_iter().zip(1..) {
            let granule = ((number * FRAME) as u64).min(end);
            let place = if number == last {
                PacketWriteEndInfo::EndStream
            } else if number % ON_PAGE == 0 {
                PacketWriteEndInfo::EndPage
            } else {
                PacketWriteEndInfo::NormalPacket
            };
            writer.write_packet(packet, serial, place, granule)?;
        }
        Ok(writer.into_inner())
    }
}

/// The first packet (RFC 7845, section 5.1).
fn head(skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    // Version, channels.
    head.extend([1, 1]);
    head.extend(skip.to_le_bytes());
    head.extend(RATE.to_le_bytes());
    // No gain, and channels as everyone has them.
    head.extend([0, 0, 0]);
    head
}

/// The second packet (RFC 7845, section 5.2): who wrote it, and nothing about the person.
fn tags() -> Vec<u8> {
    const VENDOR: &[u8] = b"Parta";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR);
    tags.extend(0_u32.to_le_bytes());
    tags
}

/// The first page of an Ogg file holds nothing but the first packet.
pub(super) fn is_opus(file: &[u8]) -> bool {
    file.starts_with(b"OggS") && file.get(28..36) == Some(&b"OpusHead"[..])
}

struct Packet {
    data: Vec<u8>,
    /// Its first sample, of all that the file holds.
    start: u64,
}

/// The samples of a file.
pub(super) struct Reader {
    packets: Vec<Packet>,
    decoder: Decoder,
    channels: NonZeroU16,
    /// The first sample to be heard, and the one after the last.
    begin: u64,
    end: u64,
    /// What comes before is not heard: the beginning, or the place that was gone to.
    from: u64,
    next: usize,
    ready: Vec<f32>,
    given: usize,
}

impl Reader {
    /// `None` for a file that is broken, or has more than two channels.
    pub(super) fn new(file: &[u8]) -> Option<Self> {
        let mut reader = PacketReader::new(Cursor::new(file));
        let first = reader.read_packet().ok()??;
        let head = &first.data;
        let (channels, family) = (*head.get(9)?, *head.get(18)?);
        if !head.starts_with(b"OpusHead") || head.get(8)? & 0xF0 != 0 || family != 0 || !(1..=2).contains(&channels) {
            return None;
        }
        let begin = u64::from(u16::from_le_bytes([head[10], head[11]]));
        let gain = i16::from_le_bytes([head[16], head[17]]);
        let kind = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut decoder = Decoder::new(kind, SampleRate::Hz48000).ok()?;
        decoder.set_gain(gain.into()).ok()?;
        let (mut packets, mut start, mut last) = (Vec::new(), 0_u64, 0_u64);
        // What is cut off in the middle is played as far as it goes.
        while let Ok(Some(packet)) = reader.read_packet() {
            if packet.stream_serial() != first.stream_serial() || packet.data.starts_with(b"OpusTags") {
                continue;
            }
            last = packet.absgp_page();
            if let Ok(samples) = decoder.get_nb_samples(&packet.data) {
                packets.push(Packet { data: packet.data, start });
                start += samples as u64;
            }
        }
        // The last page says where the sound ends, unless who wrote it did not care.
        let end = if last > 0 && last >= begin { last.min(start) } else { start };
        let channels = NonZeroU16::new(channels.into())?;
        let ready = Vec::new();
        (end > begin).then_some(Self { packets, decoder, channels, begin, end, from: begin, next: 0, ready, given: 0 })
    }

    fn decode(&mut self) -> Option<()> {
        let packet = self.packets.get(self.next).filter(|packet| packet.start < self.end)?;
        self.next += 1;
        let channels = usize::from(self.channels.get());
        self.ready.resize(LONGEST * channels, 0.0);
        self.given = 0;
        let decoded = self.decoder.decode_float_to_slice(&packet.data, &mut self.ready, false);
        // A packet that is broken is left out.
        let samples = decoded.unwrap_or_default();
        let before = self.from.saturating_sub(packet.start).min(samples as u64) as usize;
        let heard = self.end.saturating_sub(packet.start).min(samples as u64) as usize;
        self.ready.truncate(heard * channels);
        self.given = before * channels;
        Some(())
    }
}

impl Iterator for Reader {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        while self.given >= self.ready.len() {
            self.decode()?;
        }
        self.given += 1;
        Some(self.ready[self.given - 1])
    }
}

impl Source for Reader {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> NonZeroU16 {
        self.channels
    }

    fn sample_rate(&self) -> NonZeroU32 {
        NonZeroU32::new(RATE).expect("a rate is not zero")
    }

    fn total_duration(&self) -> Option<Duration> {
        Some(Duration::from_millis((self.end - self.begin) * 1000 / u64::from(RATE)))
    }

    fn try_seek(&mut self, place: Duration) -> Result<(), SeekError> {
        let samples = place.as_millis() as u64 * u64::from(RATE) / 1000;
        self.from = self.begin.saturating_add(samples).min(self.end);
        let early = self.from.saturating_sub(PREROLL);
        self.next = self.packets.partition_point(|packet| packet.start <= early).saturating_sub(1);
        self.ready.clear();
        self.given = 0;
        self.decoder.reset().map_err(|error| SeekError::Other(Arc::new(std::io::Error::other(error.message()))))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::f32::consts::TAU;

    pub(in crate::sound) fn sine(hertz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|index| 0.5 * (TAU * hertz * index as f32 / RATE as f32).sin()).collect()
    }

    /// How often a sound swings in a second, by the places where it rises through zero.
    pub(in crate::sound) fn frequency(samples: &[f32]) -> f32 {
        let rises: Vec<usize> =
            (1..samples.len()).filter(|index| samples[index - 1] < 0.0 && samples[*index] >= 0.0).collect();
        (rises.len() - 1) as f32 * RATE as f32 / (rises[rises.len() - 1] - rises[0]) as f32
    }

    fn written(samples: &[f32]) -> Vec<u8> {
        let mut writer = Writer::new().unwrap();
        samples.chunks(777).for_each(|samples| writer.push(samples).unwrap());
        writer.finish(7).unwrap()
    }

    #[test]
    fn a_tone_comes_back_as_long_and_as_high() {
        let sent = sine(440.0, 100_000);
        let file = written(&sent);
        assert!(is_opus(&file));
        assert!(file.len() < 12_000, "two seconds at 24 kbit/s: {}", file.len());
        let reader = Reader::new(&file).unwrap();
        assert_eq!(reader.total_duration(), Some(Duration::from_millis(2083)));
        let came: Vec<f32> = reader.collect();
        assert_eq!(came.len(), sent.len());
        let hertz = frequency(&came[9600..90_000]);
        assert!((hertz - 440.0).abs() < 2.0, "{hertz}");
        let loud = came[9600..90_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!((0.35..0.65).contains(&loud), "{loud}");
    }

    #[test]
    fn pages_are_as_the_rfc_wants_them() {
        let file = written(&sine(440.0, 100_000));
        let mut reader = PacketReader::new(Cursor::new(&file[..]));
        let head = reader.read_packet().unwrap().unwrap();
        assert!(head.first_in_stream() && head.last_in_page() && head.absgp_page() == 0);
        assert_eq!((&head.data[..8], head.data.len()), (&b"OpusHead"[..], 19));
        let skip = u64::from(u16::from_le_bytes([head.data[10], head.data[11]]));
        assert!(skip > 0);
        let tags = reader.read_packet().unwrap().unwrap();
        assert!(tags.first_in_page() && tags.last_in_page() && tags.data.starts_with(b"OpusTags"));
        let (mut granule, mut count, mut ended) = (0, 0, false);
        while let Some(packet) = reader.read_packet().unwrap() {
            assert!(!ended && packet.absgp_page() >= granule);
            (granule, ended, count) = (packet.absgp_page(), packet.last_in_stream(), count + 1);
        }
        assert!(ended);
        assert_eq!(granule, 100_000 + skip, "the last page says where the sound ends");
        assert_eq!(count, (100_000 + skip).div_ceil(FRAME as u64));
    }

    #[test]
    fn a_place_is_gone_to() {
        let mut sent = sine(440.0, 48_000);
        sent.extend(sine(880.0, 48_000));
        let mut reader = Reader::new(&written(&sent)).unwrap();
        reader.try_seek(Duration::from_millis(1200)).unwrap();
        let came: Vec<f32> = reader.by_ref().collect();
        assert_eq!(came.len(), 96_000 - 57_600);
        let hertz = frequency(&came[4800..28_800]);
        assert!((hertz - 880.0).abs() < 4.0, "{hertz}");
        reader.try_seek(Duration::ZERO).unwrap();
        assert_eq!(reader.by_ref().count(), 96_000);
        reader.try_seek(Duration::from_secs(99)).unwrap();
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn what_is_broken_is_not_opened_or_played_as_far_as_it_goes() {
        let file = written(&sine(440.0, 96_000));
        assert!(Reader::new(&file[..40]).is_none());
        // A second is a page: the first is whole, the second is not.
        let cut = Reader::new(&file[..file.len() * 3 / 4]).unwrap().count();
        assert!((40_000..60_000).contains(&cut), "{cut}");
        let mut strange = file;
        strange[28 + 9] = 9;
        assert!(Reader::new(&strange).is_none(), "nine channels");
    }

    #[test]
    fn silence_without_a_sample_is_still_a_file() {
        let file = Writer::new().unwrap().finish(1).unwrap();
        assert!(is_opus(&file));
        assert!(Reader::new(&file).is_none(), "with nothing to hear");
    }
}
