//! Where a photograph was taken: nobody has to learn that from a picture that is sent as it is.

/// EXIF tag of the table with the place (Exif 2.32, 4.6.3).
const GPS_TABLE: u16 = 0x8825;

/// Whether EXIF, from its byte order mark on, has the table with the place.
pub(super) fn is_told(exif: &[u8]) -> bool {
    look(exif).unwrap_or(false)
}

fn look(exif: &[u8]) -> Option<bool> {
    let little = match exif.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = exif.get(at..at + 2)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = exif.get(at..at + 4)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let table = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(short(table)?);
    // A broken table ends early; what was read of it counts.
    Some((0..entries).map_while(|entry| short(table + 2 + entry * 12)).any(|tag| tag == GPS_TABLE))
}

/// A JPEG without what programs and cameras wrote beside the picture (EXIF, XMP, IPTC, further pictures behind the
/// first), with its orientation (1 to 8) alone. The picture itself stays as it is, bit for bit.
pub(super) fn without_notes(jpeg: &[u8], orientation: u8) -> Option<Vec<u8>> {
    const EXIF_AND_XMP: u8 = 0xE1;
    const FURTHER_PICTURES: u8 = 0xE2;
    const IPTC: u8 = 0xED;
    const SCAN: u8 = 0xDA;
    const END: u8 = 0xD9;
    if jpeg.get(..2)? != [0xFF, 0xD8] {
        return None;
    }
    let mut out = Vec::with_capacity(jpeg.len());
    out.extend_from_slice(&jpeg[..2]);
    let mut upright = Some(oriented(orientation));
    let mut at = 2;
    loop {
        if *jpeg.get(at)? != 0xFF {
            return None;
        }
        let kind = *jpeg.get(at + 1)?;
        match kind {
            // Filling before a marker.
            0xFF => {
                at += 1;
                continue;
            }
            END => {
                out.extend_from_slice(&[0xFF, END]);
                return Some(out);
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([*jpeg.get(at + 2)?, *jpeg.get(at + 3)?]));
        let mut end = at + 2 + length.max(2);
        let part = jpeg.get(at..end)?;
        // The JFIF header, if there is one, stands first.
        if kind != 0xE0
            && let Some(upright) = upright.take()
        {
            out.extend_from_slice(&upright);
        }
        let index = kind == FURTHER_PICTURES && part.get(4..8) == Some(b"MPF\0");
        if !matches!(kind, EXIF_AND_XMP | IPTC) && !index {
            out.extend_from_slice(part);
        }
        if kind == SCAN {
            // Up to the next marker that is neither an escaped byte nor a restart.
            let data = end;
            while *jpeg.get(end)? != 0xFF || matches!(*jpeg.get(end + 1)?, 0x00 | 0xD0..=0xD7 | 0xFF) {
                end += 1;
            }
            out.extend_from_slice(&jpeg[data..end]);
        }
        at = end;
    }
}

/// A segment of EXIF that says how the picture is to be turned, and nothing else.
fn oriented(orientation: u8) -> Vec<u8> {
    if orientation <= 1 {
        return Vec::new();
    }
    let mut segment = vec![0xFF, 0xE1, 0, 34];
    segment.extend_from_slice(b"Exif\0\0MM\0\x2A\0\0\0\x08");
    // One entry: tag 0x0112, one short, its value; no further table.
    segment.extend_from_slice(&[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    segment
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use image::{ImageDecoder, codecs::jpeg::JpegDecoder, metadata::Orientation};
    use std::io::Cursor;

    /// EXIF with an orientation, and with a place on request.
    pub(in crate::pictures) fn exif(place: bool) -> Vec<u8> {
        let mut exif = b"II\x2A\0\x08\0\0\0".to_vec();
        exif.extend_from_slice(&if place { 2_u16 } else { 1 }.to_le_bytes());
        exif.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        if place {
            exif.extend_from_slice(&[0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]);
        }
        exif.extend_from_slice(&[0; 6]);
        exif
    }

    /// A JPEG with that EXIF and a second picture behind it.
    pub(in crate::pictures) fn photograph(width: u32, height: u32, place: bool) -> Vec<u8> {
        let mut plain = Cursor::new(Vec::new());
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]))
            .write_to(&mut plain, image::ImageFormat::Jpeg)
            .unwrap();
        let plain = plain.into_inner();
        let exif = exif(place);
        let mut jpeg = plain[..2].to_vec();
        jpeg.extend_from_slice(&[0xFF, 0xE1]);
        jpeg.extend_from_slice(&u16::try_from(exif.len() + 8).unwrap().to_be_bytes());
        jpeg.extend_from_slice(b"Exif\0\0");
        jpeg.extend_from_slice(&exif);
        jpeg.extend_from_slice(&plain[2..]);
        jpeg.extend_from_slice(b"a second picture, taken at 59.93N 30.33E");
        jpeg
    }

    #[test]
    fn a_place_is_found_in_both_byte_orders() {
        assert!(is_told(&exif(true)));
        assert!(!is_told(&exif(false)));
        assert!(is_told(b"MM\0\x2A\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1A\0\0\0\0"));
        assert!(!is_told(b"") && !is_told(b"II\x2A\0\xFF\xFF\xFF\xFF"));
    }

    #[test]
    fn a_photograph_keeps_its_picture_and_its_turn_and_nothing_else() {
        let jpeg = photograph(40, 30, true);
        let clean = without_notes(&jpeg, 6).unwrap();
        assert!(!clean.windows(7).any(|part| part == b"59.93N "));
        let mut decoder = JpegDecoder::new(Cursor::new(&clean)).unwrap();
        assert!(!is_told(&decoder.exif_metadata().unwrap().unwrap()));
        assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90);
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        assert_eq!(pixels(&clean), pixels(&jpeg));
    }

    #[test]
    fn what_is_cut_off_or_no_jpeg_is_not_touched() {
        let jpeg = photograph(40, 30, true);
        assert_eq!(without_notes(&jpeg[..200], 1), None);
        assert_eq!(without_notes(b"\x89PNG", 1), None);
    }
}
