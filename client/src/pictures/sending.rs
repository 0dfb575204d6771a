//! Pictures as they are sent: smaller on request, with a thumbnail for those who cannot make one, and without the place
//! where they were taken.

use std::io::Cursor;

use image::{
    AnimationDecoder, DynamicImage, ImageFormat,
    codecs::{gif::GifDecoder, jpeg::JpegEncoder, webp::WebPDecoder},
    imageops::FilterType,
};

use super::{Opened, location};
use crate::model::update::Pixels;

/// A picture that was made smaller has no longer side.
const LONGEST_SIDE: u32 = 2_560;
/// A picture with fewer bytes is small as it is.
const SMALL_FILE: usize = 512 << 10;
/// Of 100: what is lost is not seen.
const QUALITY: u8 = 85;
/// Box of the thumbnail that goes with a larger picture.
const THUMBNAIL: (u32, u32) = (800, 600);

/// A picture and what is told of it.
pub(crate) struct Ready {
    /// The file
    pub(crate) bytes: Vec<u8>,
    /// How it is written now
    pub(crate) format: ImageFormat,
    /// Columns as it is shown
    pub(crate) width: u32,
    /// Rows as it is shown
    pub(crate) height: u32,
    /// It moves
    pub(crate) animated: bool,
    /// A smaller one
    pub(crate) thumbnail: Option<Thumbnail>,
}

/// A thumbnail.
pub(crate) struct Thumbnail {
    /// The file
    pub(crate) bytes: Vec<u8>,
    /// JPEG or PNG
    pub(crate) format: ImageFormat,
    /// Columns
    pub(crate) width: u32,
    /// Rows
    pub(crate) height: u32,
}

/// What the sheet shows of a picture: it, small, and whether it would become smaller.
pub(crate) fn look(bytes: &[u8], side: u32) -> Option<(Pixels, bool)> {
    let opened = super::read(bytes)?;
    let shrinks = shrinks(&opened, bytes);
    let mut small = opened.picture.resize_to_fill(side, side, FilterType::Triangle).into_rgba8();
    super::round_corners(&mut small, super::CORNER);
    Some((Pixels { width: small.width(), height: small.height(), rgba: small.into_raw() }, shrinks))
}

/// A screenshot as a file.
pub(crate) fn png(pixels: &Pixels) -> Option<Vec<u8>> {
    let picture = image::RgbaImage::from_raw(pixels.width, pixels.height, pixels.rgba.clone())?;
    written(&DynamicImage::ImageRgba8(picture), ImageFormat::Png)
}

/// A screenshot as a file: a JPEG where a PNG would have more bytes than this.
pub(crate) fn png_within(pixels: &Pixels, most: usize) -> Option<Vec<u8>> {
    let bytes = png(pixels)?;
    if bytes.len() <= most {
        return Some(bytes);
    }
    let picture = image::RgbaImage::from_raw(pixels.width, pixels.height, pixels.rgba.clone())?;
    written(&DynamicImage::ImageRgba8(picture), ImageFormat::Jpeg)
}

/// Makes a picture ready; the bytes come back as they are if they are no picture.
pub(crate) fn ready(bytes: Vec<u8>, shrink: bool) -> Result<Ready, Vec<u8>> {
    let Some(opened) = super::read(&bytes) else { return Err(bytes) };
    let animated = is_animated(opened.format, &bytes);
    let (bytes, format, picture) = if shrink && !animated && shrinks(&opened, &bytes) {
        shrunk(opened, bytes)
    } else {
        original(opened, bytes, animated)
    };
    let (width, height) = (picture.width(), picture.height());
    Ok(Ready { thumbnail: thumbnail(&picture), bytes, format, width, height, animated })
}

fn longest(picture: &DynamicImage) -> u32 {
    picture.width().max(picture.height())
}

fn shrinks(opened: &Opened, bytes: &[u8]) -> bool {
    matches!(opened.format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)
        && (longest(&opened.picture) > LONGEST_SIDE || bytes.len() > SMALL_FILE)
        && !is_animated(opened.format, bytes)
}

fn shrunk(opened: Opened, bytes: Vec<u8>) -> (Vec<u8>, ImageFormat, DynamicImage) {
    let large = longest(&opened.picture) > LONGEST_SIDE;
    let small =
        if large { opened.picture.resize(LONGEST_SIDE, LONGEST_SIDE, FilterType::CatmullRom) } else { opened.picture };
    let format = if is_see_through(&small) { ImageFormat::Png } else { ImageFormat::Jpeg };
    match written(&small, format) {
        // Written anew it has no notes of a camera.
        Some(new) if large || new.len() < bytes.len() => (new, format, small),
        _ => original(Opened { picture: small, ..opened }, bytes, false),
    }
}

/// The file as it is, but for the place.
fn original(opened: Opened, bytes: Vec<u8>, animated: bool) -> (Vec<u8>, ImageFormat, DynamicImage) {
    let Opened { picture, format, exif, xmp, orientation } = opened;
    let told = exif.as_deref().is_some_and(location::is_told)
        || xmp.as_deref().is_some_and(|xmp| xmp.windows(3).any(|part| part == b"GPS"));
    if !told || animated {
        return (bytes, format, picture);
    }
    if format == ImageFormat::Jpeg
        && let Some(clean) = location::without_notes(&bytes, orientation.to_exif())
    {
        return (clean, format, picture);
    }
    let format = if is_see_through(&picture) { ImageFormat::Png } else { ImageFormat::Jpeg };
    match written(&picture, format) {
        Some(new) => (new, format, picture),
        None => (bytes, opened.format, picture),
    }
}

fn is_see_through(picture: &DynamicImage) -> bool {
    picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < u8::MAX)
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
            picture.to_rgb8().write_with_encoder(encoder).ok()?;
        }
        format => picture.write_to(&mut bytes, format).ok()?,
    }
    Some(bytes.into_inner())
}

fn thumbnail(picture: &DynamicImage) -> Option<Thumbnail> {
    let (width, height) = THUMBNAIL;
    if picture.width() <= width && picture.height() <= height {
        return None;
    }
    let small = picture.thumbnail(width, height);
    let format = if is_see_through(&small) { ImageFormat::Png } else { ImageFormat::Jpeg };
    Some(Thumbnail { bytes: written(&small, format)?, format, width: small.width(), height: small.height() })
}

fn is_animated(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        ImageFormat::Gif => {
            GifDecoder::new(Cursor::new(bytes)).is_ok_and(|decoder| decoder.into_frames().take(2).count() > 1)
        }
        ImageFormat::WebP => WebPDecoder::new(Cursor::new(bytes)).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::location::tests::photograph;
    use image::{Frame, RgbaImage, codecs::gif::GifEncoder};

    fn file(picture: RgbaImage, format: ImageFormat) -> Vec<u8> {
        written(&DynamicImage::ImageRgba8(picture), format).unwrap()
    }

    #[test]
    fn a_large_picture_becomes_smaller_and_gets_a_thumbnail() {
        let bytes = file(RgbaImage::from_pixel(4000, 1000, image::Rgba([9, 9, 9, 255])), ImageFormat::Png);
        let ready = ready(bytes.clone(), true).ok().unwrap();
        assert_eq!((ready.width, ready.height, ready.format), (2560, 640, ImageFormat::Jpeg));
        let thumbnail = ready.thumbnail.unwrap();
        assert_eq!((thumbnail.width, thumbnail.height), (800, 200));
        let original = super::ready(bytes.clone(), false).ok().unwrap();
        assert_eq!((original.bytes, original.width), (bytes, 4000));
    }

    #[test]
    fn what_is_see_through_stays_so() {
        let bytes = file(RgbaImage::from_pixel(3000, 3000, image::Rgba([9, 9, 9, 90])), ImageFormat::Png);
        let ready = ready(bytes, true).ok().unwrap();
        assert_eq!((ready.width, ready.format), (2560, ImageFormat::Png));
        assert_eq!(ready.thumbnail.unwrap().format, ImageFormat::Png);
    }

    #[test]
    fn a_small_picture_goes_as_it_is() {
        let bytes = file(RgbaImage::new(40, 30), ImageFormat::Png);
        let ready = ready(bytes.clone(), true).ok().unwrap();
        assert!(ready.bytes == bytes && ready.thumbnail.is_none() && !ready.animated);
        assert!(!look(&bytes, 48).unwrap().1);
    }

    #[test]
    fn what_moves_goes_as_it_is() {
        let mut bytes = Vec::new();
        GifEncoder::new(&mut bytes).encode_frames((0..2).map(|_| Frame::new(RgbaImage::new(8, 8)))).unwrap();
        let ready = ready(bytes.clone(), true).ok().unwrap();
        assert!(ready.animated && ready.bytes == bytes);
    }

    #[test]
    fn an_original_does_not_tell_where_it_was_taken() {
        let told = photograph(40, 30, true);
        let clean = ready(told.clone(), false).ok().unwrap();
        assert!(clean.bytes.len() < told.len());
        // Turned by 90 degrees, as EXIF wants it.
        assert_eq!((clean.width, clean.height), (30, 40));
        let silent = photograph(40, 30, false);
        assert!(ready(silent.clone(), false).ok().unwrap().bytes == silent, "other notes stay");
    }

    #[test]
    fn what_is_no_picture_comes_back() {
        assert_eq!(ready(b"text".to_vec(), true).err().unwrap(), b"text");
        assert!(look(b"text", 48).is_none());
    }
}
