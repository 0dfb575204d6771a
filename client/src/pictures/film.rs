//! How long and how large a film is, read from the boxes of its file (ISO/IEC 14496-12: MP4, MOV, M4V). A picture of it is
//! not made: that takes a decoder.

use std::time::Duration;

/// What a film's file tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Film {
    /// How long it is
    pub(crate) duration: Option<Duration>,
    /// Width and height as it is shown
    pub(crate) size: Option<(u32, u32)>,
}

/// Looks into the file; nothing is known of other formats.
pub(crate) fn look(bytes: &[u8]) -> Film {
    let Some(movie) = find(bytes, *b"moov").next() else { return Film::default() };
    Film {
        duration: find(movie, *b"mvhd").next().and_then(duration),
        // Sounds are tracks too, without a size.
        size: find(movie, *b"trak")
            .filter_map(|track| find(track, *b"tkhd").next().and_then(size))
            .find(|(width, height)| *width > 0 && *height > 0),
    }
}

/// The contents of the boxes of a kind, one beside the other.
fn find(mut bytes: &[u8], wanted: [u8; 4]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let kind: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            let (head, length) = match long(bytes, 0)? {
                0 => (8, bytes.len()),
                1 => (16, usize::try_from(wide(bytes, 8)?).ok()?),
                length => (8, usize::try_from(length).ok()?),
            };
            let content = bytes.get(head..length.min(bytes.len()))?;
            bytes = bytes.get(length..).unwrap_or_default();
            if kind == wanted {
                return Some(content);
            }
        }
    })
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn wide(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// From the movie's header (8.2.2).
fn duration(header: &[u8]) -> Option<Duration> {
    let (scale, length) = match header.first()? {
        1 => (long(header, 20)?, wide(header, 24)?),
        _ => (long(header, 12)?, u64::from(long(header, 16)?)),
    };
    let seconds = length as f64 / f64::from(scale);
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
}

/// From a track's header (8.3.2), turned as its matrix says.
fn size(header: &[u8]) -> Option<(u32, u32)> {
    let matrix = if *header.first()? == 1 { 52 } else { 40 };
    let turned = long(header, matrix)? == 0 && long(header, matrix + 4)? != 0;
    // Sixteen bits before the point and sixteen after.
    let (width, height) = (long(header, matrix + 36)? >> 16, long(header, matrix + 40)? >> 16);
    Some(if turned { (height, width) } else { (width, height) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut out = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(&kind);
        out.extend_from_slice(content);
        out
    }

    fn film(turned: bool) -> Vec<u8> {
        let mut header = vec![0; 20];
        header[12..16].copy_from_slice(&600_u32.to_be_bytes());
        header[16..20].copy_from_slice(&3_900_u32.to_be_bytes());
        let mut track = vec![0; 84];
        track[if turned { 46 } else { 42 }] = 1;
        track[76..78].copy_from_slice(&1920_u16.to_be_bytes());
        track[80..82].copy_from_slice(&1080_u16.to_be_bytes());
        let sound = boxed(*b"trak", &boxed(*b"tkhd", &[0; 84]));
        let parts = [boxed(*b"mvhd", &header), sound, boxed(*b"trak", &boxed(*b"tkhd", &track))].concat();
        [boxed(*b"ftyp", b"isom"), boxed(*b"mdat", &[7; 100]), boxed(*b"moov", &parts)].concat()
    }

    #[test]
    fn a_film_tells_its_length_and_size() {
        let seen = look(&film(false));
        assert_eq!(seen, Film { duration: Some(Duration::from_millis(6500)), size: Some((1920, 1080)) });
        assert_eq!(look(&film(true)).size, Some((1080, 1920)));
    }

    #[test]
    fn what_is_cut_off_or_no_film_tells_nothing() {
        let film = film(false);
        assert_eq!(look(&film[..film.len() - 120]).size, None);
        for bytes in [&b""[..], b"\0\0\0\0moov", b"\0\0\0\x01moov", b"\xFF\xFF\xFF\xFFmoov\0\0\0\x08mvhd"] {
            assert_eq!(look(bytes), Film::default());
        }
    }
}
