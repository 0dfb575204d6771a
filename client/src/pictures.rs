//! Decoding pictures off the window's thread, within limits, into pixels the window can show as they are.

mod face;
pub(crate) mod film;
mod location;
pub(crate) mod sending;

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage, imageops::FilterType,
    metadata::Orientation,
};

use crate::model::update::Pixels;

pub use face::{face, portrait};

/// Sides longer than this are not decoded: no camera makes them, and attackers do.
const LONGEST_SIDE: u32 = 16_384;
/// Memory for one picture while decoding.
const MOST_MEMORY: u64 = 256 << 20;
/// A picture on screen needs no more than this on a side.
const SCREEN_SIDE: u32 = 2_560;
/// Corners of thumbnails, in pixels: the software renderer does not clip pictures to round corners.
const CORNER: f32 = 8.0;

/// Decodes, turns upright by EXIF, and fits into a box (never enlarging); corners rounded on request.
pub fn decode(bytes: &[u8], fit: Option<(u32, u32)>, rounded: bool) -> Option<Pixels> {
    let (width, height) = fit.unwrap_or((SCREEN_SIDE, SCREEN_SIDE));
    fitted(read(bytes)?.picture, width, height, rounded).into()
}

/// Decodes for the viewer: no larger on a side, and with its own width and height.
pub(crate) fn whole(bytes: &[u8], side: u32) -> Option<(Pixels, (u32, u32))> {
    let picture = read(bytes)?.picture;
    let size = (picture.width(), picture.height());
    Some((fitted(picture, side, side, false), size))
}

fn fitted(picture: DynamicImage, width: u32, height: u32, rounded: bool) -> Pixels {
    let picture = if picture.width() > width || picture.height() > height {
        picture.resize(width.max(1), height.max(1), FilterType::Triangle)
    } else {
        picture
    };
    let mut rgba = picture.into_rgba8();
    if rounded {
        round_corners(&mut rgba, CORNER);
    }
    Pixels { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() }
}

/// A picture and what its file tells besides.
struct Opened {
    /// Upright, at full size
    picture: DynamicImage,
    format: ImageFormat,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    /// How it was turned
    orientation: Orientation,
}

/// Decodes at full size, upright.
fn read(bytes: &[u8]) -> Option<Opened> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let format = reader.format()?;
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let exif = decoder.exif_metadata().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some(Opened { picture, format, exif, xmp, orientation })
}

/// Makes what lies outside the rounded corners see-through, with a soft edge.
fn round_corners(picture: &mut RgbaImage, radius: f32) {
    let (width, height) = picture.dimensions();
    let radius = radius.min(width as f32 / 2.0).min(height as f32 / 2.0);
    let reach = radius.ceil() as u32;
    for y in 0..reach {
        for x in 0..reach {
            let (dx, dy) = (radius - (x as f32 + 0.5), radius - (y as f32 + 0.5));
            if dx <= 0.0 || dy <= 0.0 {
                continue;
            }
            let inside = (radius - dx.hypot(dy) + 0.5).clamp(0.0, 1.0);
            for (px, py) in [(x, y), (width - 1 - x, y), (x, height - 1 - y), (width - 1 - x, height - 1 - y)] {
                let alpha = &mut picture.get_pixel_mut(px, py).0[3];
                *alpha = (f32::from(*alpha) * inside) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbaImage::from_pixel(width, height, image::Rgba([10, 20, 30, 255]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn fits_into_the_box_and_never_enlarges() {
        let pixels = decode(&png(400, 100), Some((200, 200)), false).unwrap();
        assert_eq!((pixels.width, pixels.height), (200, 50));
        let pixels = decode(&png(20, 10), Some((200, 200)), false).unwrap();
        assert_eq!((pixels.width, pixels.height), (20, 10));
        assert_eq!(pixels.rgba.len(), 20 * 10 * 4);
    }

    #[test]
    fn corners_are_see_through_and_the_middle_is_not() {
        let pixels = decode(&png(40, 40), None, true).unwrap();
        assert_eq!(pixels.rgba[3], 0);
        let middle = (20 * 40 + 20) * 4 + 3;
        assert_eq!(pixels.rgba[middle], 255);
    }

    #[test]
    fn what_is_no_picture_is_none() {
        assert_eq!(decode(b"not a picture", None, true), None);
        assert_eq!(decode(&png(4, 4)[..20], None, true), None);
    }
}
