//! Pictures of people and rooms, cut to the shape they are shown in: the software renderer draws what it is given.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, codecs::jpeg::JpegEncoder, imageops::FilterType};

use super::{Pixels, read, round_corners};

/// Corners of a room's picture, as a part of its side.
const CORNER: f32 = 0.28;
/// Side of a picture that is sent as one's own.
const PORTRAIT: u32 = 512;
/// Quality of such a picture.
const QUALITY: u8 = 88;

/// The middle of a picture as a square of so many pixels, round or with round corners.
pub fn face(bytes: &[u8], side: u32, square: bool) -> Option<Pixels> {
    let side = side.clamp(1, 1024);
    let mut rgba = middle(&read(bytes)?.picture).resize_exact(side, side, FilterType::CatmullRom).into_rgba8();
    round_corners(&mut rgba, side as f32 * if square { CORNER } else { 0.5 });
    Some(Pixels { width: side, height: side, rgba: rgba.into_raw() })
}

/// A picture for an account: its middle, no larger than anyone shows it, without what a camera wrote into the file.
/// With the media type.
pub fn portrait(bytes: &[u8]) -> Option<(Vec<u8>, mime::Mime)> {
    let square = middle(&read(bytes)?.picture);
    let square =
        if square.width() > PORTRAIT { square.resize(PORTRAIT, PORTRAIT, FilterType::CatmullRom) } else { square };
    let mut out = Cursor::new(Vec::new());
    if square.color().has_alpha() {
        square.into_rgba8().write_to(&mut out, ImageFormat::Png).ok()?;
        return Some((out.into_inner(), mime::IMAGE_PNG));
    }
    square.into_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY)).ok()?;
    Some((out.into_inner(), mime::IMAGE_JPEG))
}

fn middle(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    picture.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    /// Red at the left and right, green in the middle.
    fn wide() -> Vec<u8> {
        let picture = RgbaImage::from_fn(90, 30, |x, _| {
            if (30..60).contains(&x) { Rgba([0, 200, 0, 255]) } else { Rgba([200, 0, 0, 255]) }
        });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn at(pixels: &Pixels, x: u32, y: u32) -> &[u8] {
        let index = ((y * pixels.width + x) * 4) as usize;
        &pixels.rgba[index..index + 4]
    }

    #[test]
    fn a_face_is_the_middle_and_as_large_as_asked() {
        let round = face(&wide(), 44, false).unwrap();
        assert_eq!((round.width, round.height), (44, 44));
        assert_eq!(at(&round, 22, 22), [0, 200, 0, 255]);
        assert_eq!(at(&round, 0, 0)[3], 0, "the corner is see-through");
        assert_eq!(at(&round, 5, 5)[3], 0, "and what lies outside the circle");
        let square = face(&wide(), 44, true).unwrap();
        assert_eq!((at(&square, 0, 0)[3], at(&square, 5, 5)[3]), (0, 255));
        assert_eq!(face(b"no picture", 44, false), None);
    }

    #[test]
    fn a_portrait_is_square_and_small() {
        let (bytes, kind) = portrait(&wide()).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height(), kind), (30, 30, mime::IMAGE_PNG));
        let mut large = Cursor::new(Vec::new());
        image::RgbImage::new(2000, 1000).write_to(&mut large, ImageFormat::Png).unwrap();
        let (bytes, kind) = portrait(&large.into_inner()).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!((picture.width(), picture.height(), kind), (512, 512, mime::IMAGE_JPEG));
    }
}
