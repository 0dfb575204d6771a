//! Thumbnails: a few sizes, each made once and kept. Decoding is bounded in pixels, in memory and in how many at once.
//! <https://spec.matrix.org/v1.18/client-server-api/#thumbnails>

use std::{io::Cursor, sync::Arc, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use image::{
    DynamicImage, ImageDecoder as _, ImageEncoder as _, ImageError, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    imageops::FilterType,
};
use ruma::{api::error::ErrorKind, media::Method};

use super::{File, Key, Media, content_key, key};
use crate::{
    error::{ApiError, Result},
    storage,
};

/// The largest file that is read to make a thumbnail of it.
const MAX_SOURCE: u64 = 64 << 20;
/// How long a request waits for its turn to decode.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many files are remembered to be no pictures.
const MAX_REMEMBERED: usize = 10_000;
/// A colour profile longer than this is left out of a thumbnail.
const MAX_PROFILE: usize = 8 << 10;
const JPEG_QUALITY: u8 = 82;

/// How a picture is fitted into a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// Cut to fill it.
    Crop,
    /// Whole inside it.
    Scale,
}

impl Fit {
    fn name(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Scale => "scale",
        }
    }
}

/// One of the sizes that thumbnails are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    fit: Fit,
    width: u32,
    height: u32,
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}-{}", self.width, self.height, self.fit.name())
    }
}

/// The boxes that pictures are scaled into, by size.
const SCALED: [(u32, u32); 6] = [(64, 64), (96, 96), (320, 240), (640, 480), (800, 600), (1600, 1200)];
/// The boxes that pictures are cut to, by size. Of those large enough the one closest in shape is taken.
const CROPPED: [(u32, u32); 8] =
    [(32, 32), (64, 64), (96, 96), (160, 160), (320, 240), (320, 320), (640, 480), (800, 600)];

impl Size {
    /// The size that is nearest to what a client asks for, and not smaller where there is one.
    pub fn nearest(method: Option<&Method>, width: u32, height: u32) -> Self {
        let fit = if method == Some(&Method::Crop) { Fit::Crop } else { Fit::Scale };
        let holds = |&(w, h): &(u32, u32)| w >= width && h >= height;
        let chosen = match fit {
            Fit::Scale => SCALED.into_iter().find(holds).unwrap_or(SCALED[SCALED.len() - 1]),
            Fit::Crop => {
                let shape = |(w, h): (u32, u32)| {
                    let (across, along) = (u64::from(w) * u64::from(height), u64::from(h) * u64::from(width));
                    // How far the shapes are apart, in thousandths.
                    across.abs_diff(along) * 1000 / across.max(along).max(1)
                };
                CROPPED
                    .into_iter()
                    .filter(holds)
                    .min_by_key(|&(w, h)| (shape((w, h)) / 100, u64::from(w) * u64::from(h)))
                    .unwrap_or(CROPPED[CROPPED.len() - 1])
            }
        };
        Self { fit, width: chosen.0, height: chosen.1 }
    }

    /// What a picture is resized to, and what is then cut from its middle. Nothing is ever made larger.
    fn of(self, width: u32, height: u32) -> ((u32, u32), (u32, u32)) {
        let (across, along) =
            (f64::from(self.width) / f64::from(width.max(1)), f64::from(self.height) / f64::from(height.max(1)));
        let factor = match self.fit {
            Fit::Scale => across.min(along),
            Fit::Crop => across.max(along),
        }
        .min(1.0);
        let resized = |side: u32| ((f64::from(side) * factor).round() as u32).max(1);
        let (w, h) = (resized(width), resized(height));
        match self.fit {
            Fit::Scale => ((w, h), (w, h)),
            Fit::Crop => ((w, h), (w.min(self.width), h.min(self.height))),
        }
    }
}

/// A thumbnail.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    /// `image/jpeg` or `image/png`.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error("not a picture that can be decoded")]
    NotAPicture,
    #[error("a picture with too many pixels")]
    TooLarge,
}

impl From<ImageError> for Unmade {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            _ => Self::NotAPicture,
        }
    }
}

impl From<Unmade> for ApiError {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::NotAPicture => ApiError::unknown("No thumbnail can be made of this file."),
            Unmade::TooLarge => ApiError::too_large("The picture is too large to make a thumbnail of it."),
        }
    }
}

impl Media {
    /// A thumbnail of a file.
    ///
    /// # Errors
    ///
    /// `M_UNKNOWN` if none can be made, `M_TOO_LARGE` for a picture past the limits, `M_LIMIT_EXCEEDED` if too many
    /// others wait.
    pub async fn thumbnail(&self, file: &File, size: Size) -> Result<Thumbnail> {
        let key = thumbnail_key(&file.media_id, size);
        if let Some(kept) = self.kept(file, size, &key).await? {
            return Ok(kept);
        }
        if self.undecodable.lock().contains(&file.media_id) {
            return Err(Unmade::NotAPicture.into());
        }
        if file.content.size > MAX_SOURCE {
            return Err(Unmade::TooLarge.into());
        }
        let turn = self.making.lock().entry(key.clone()).or_default().clone();
        let result = async {
            let _turn = turn.lock().await;
            match self.kept(file, size, &key).await? {
                Some(kept) => Ok(kept),
                None => self.make(file, size, &key).await,
            }
        }
        .await;
        drop(turn);
        self.making.lock().retain(|_, turn| Arc::strong_count(turn) > 1);
        result
    }

    async fn kept(&self, file: &File, size: Size, key: &Key) -> Result<Option<Thumbnail>> {
        let row = storage::media::thumbnail(&self.db, &file.media_id, size.fit.name(), size.width, size.height);
        let Some((content_type, _)) = row.await? else { return Ok(None) };
        // Backups leave thumbnails out, so a row may stand without its bytes.
        Ok(self.blobs.bytes(key).await?.map(|bytes| Thumbnail { content_type, bytes }))
    }

    async fn make(&self, file: &File, size: Size, key: &Key) -> Result<Thumbnail> {
        let permit = tokio::time::timeout(PATIENCE, self.decoding.acquire()).await;
        let Ok(Ok(_permit)) = permit else { return Err(ApiError::limit_exceeded(Duration::from_secs(5))) };
        let Some(source) = self.blobs.bytes(&content_key(&file.media_id)).await? else {
            return Err(ApiError::not_found("There is no such file."));
        };
        let max_pixels = self.config.max_pixels;
        let rendered = tokio::task::spawn_blocking(move || render(&source, size, max_pixels)).await;
        // A decoder that panics on a broken file has not made a picture of it either.
        let (bytes, content_type) = match rendered.unwrap_or(Err(Unmade::NotAPicture)) {
            Ok(rendered) => rendered,
            Err(unmade) => {
                if matches!(unmade, Unmade::NotAPicture) {
                    let mut undecodable = self.undecodable.lock();
                    if undecodable.len() >= MAX_REMEMBERED {
                        undecodable.clear();
                    }
                    undecodable.insert(file.media_id.clone());
                }
                return Err(unmade.into());
            }
        };
        let bytes = Bytes::from(bytes);
        self.blobs.put(key, bytes.clone()).await?;
        let (width, height, length) = (size.width, size.height, bytes.len() as u64);
        let fit = size.fit.name();
        let row = storage::media::insert_thumbnail(&file.media_id, fit, (width, height), length, content_type);
        self.journal.run(vec![row], None).await?;
        Ok(Thumbnail { content_type: content_type.to_owned(), bytes })
    }
}

/// Checks a size that a client asks for.
///
/// # Errors
///
/// `M_UNKNOWN`, 400, as the specification has it.
pub fn wanted(width: u64, height: u64) -> Result<(u32, u32)> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width @ 1..), Ok(height @ 1..)) => Ok((width, height)),
        _ => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            ErrorKind::Unknown,
            "A thumbnail is at least one pixel wide and high.",
        )),
    }
}

fn thumbnail_key(media_id: &str, size: Size) -> Key {
    key("thumbnails", media_id).join(size.to_string())
}

/// Decodes, turns upright, fits and encodes. Only the first picture of an animation counts.
fn render(source: &[u8], size: Size, max_pixels: u64) -> Result<(Vec<u8>, &'static str), Unmade> {
    let reader = ImageReader::new(Cursor::new(source)).with_guessed_format().map_err(|_| Unmade::NotAPicture)?;
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(Unmade::TooLarge);
    }
    let mut limits = Limits::default();
    // Eight bytes a pixel, sixteen bits of four channels, are the most that a picture takes here; twice for the decoder.
    limits.max_alloc = Some(max_pixels.saturating_mul(16));
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| {
        // A profile of another colour space than the decoded one would falsify every colour.
        profile.len() <= MAX_PROFILE && profile.get(16..20) == Some(b"RGB ")
    });
    let mut picture = DynamicImage::from_decoder(decoder)?;
    let turned = |(w, h): (u32, u32)| if sideways(orientation) { (h, w) } else { (w, h) };
    let ((w, h), (cut_w, cut_h)) = {
        let (upright_w, upright_h) = turned((width, height));
        size.of(upright_w, upright_h)
    };
    // Resized before it is turned: turning a small picture is cheap.
    let (resized_w, resized_h) = turned((w, h));
    if u64::from(width) > u64::from(resized_w) * 4 {
        // A rough and fast step first; the good filter then has few pixels to go through.
        picture = picture.thumbnail_exact(resized_w * 2, resized_h * 2);
    }
    if (picture.width(), picture.height()) != (resized_w, resized_h) {
        picture = picture.resize_exact(resized_w, resized_h, FilterType::CatmullRom);
    }
    picture.apply_orientation(orientation);
    if (w, h) != (cut_w, cut_h) {
        picture = picture.crop_imm((w - cut_w) / 2, (h - cut_h) / 2, cut_w, cut_h);
    }
    encode(&picture, profile)
}

fn sideways(orientation: image::metadata::Orientation) -> bool {
    use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// JPEG for what is opaque, PNG for what is not.
fn encode(picture: &DynamicImage, profile: Option<Vec<u8>>) -> Result<(Vec<u8>, &'static str), Unmade> {
    let mut out = Vec::new();
    if picture.color().has_alpha() {
        let pixels = picture.to_rgba8();
        if pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
            let mut encoder = PngEncoder::new(&mut out);
            if let Some(profile) = profile {
                // PNG carries profiles.
                encoder.set_icc_profile(profile).ok();
            }
            encoder.write_image(&pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgba8)?;
            return Ok((out, "image/png"));
        }
    }
    let pixels = picture.to_rgb8();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY);
    if let Some(profile) = profile {
        // JPEG carries profiles.
        encoder.set_icc_profile(profile).ok();
    }
    encoder.write_image(&pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgb8)?;
    Ok((out, "image/jpeg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(method: Method, width: u32, height: u32) -> (u32, u32) {
        let size = Size::nearest(Some(&method), width, height);
        (size.width, size.height)
    }

    #[test]
    fn what_is_asked_for_is_snapped_to_a_few_sizes() {
        assert_eq!(size(Method::Scale, 1, 1), (64, 64));
        assert_eq!(size(Method::Scale, 97, 10), (320, 240));
        assert_eq!(size(Method::Scale, 9999, 9999), (1600, 1200));
        assert_eq!(size(Method::Crop, 96, 96), (96, 96));
        assert_eq!(size(Method::Crop, 97, 97), (160, 160));
        assert_eq!(size(Method::Crop, 300, 200), (320, 240));
        assert_eq!(size(Method::Crop, 9999, 1), (800, 600));
    }

    #[test]
    fn nothing_is_made_larger() {
        let scale = Size { fit: Fit::Scale, width: 320, height: 240 };
        assert_eq!(scale.of(10, 20), ((10, 20), (10, 20)));
        assert_eq!(scale.of(4000, 3000), ((320, 240), (320, 240)));
        assert_eq!(scale.of(4000, 1), ((320, 1), (320, 1)));
        let crop = Size { fit: Fit::Crop, width: 96, height: 96 };
        assert_eq!(crop.of(960, 480), ((192, 96), (96, 96)));
        assert_eq!(crop.of(50, 480), ((50, 480), (50, 96)));
    }

    #[test]
    fn broken_pictures_and_bombs_are_refused() {
        let small = Size { fit: Fit::Scale, width: 64, height: 64 };
        assert!(matches!(render(b"not a picture", small, 1 << 20), Err(Unmade::NotAPicture)));
        let mut png = Vec::new();
        DynamicImage::new_rgb8(1000, 1000).write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        assert!(matches!(render(&png, small, 999_999), Err(Unmade::TooLarge)));
        assert_eq!(render(&png, small, 1_000_000).unwrap().1, "image/jpeg");
        assert!(matches!(render(&png[..png.len() / 2], small, 1 << 20), Err(Unmade::NotAPicture)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>, kind in 0..4usize) {
            let magic: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "];
            let mut source = magic[kind].to_vec();
            source.extend(bytes);
            let _ = render(&source, Size { fit: Fit::Crop, width: 32, height: 32 }, 1 << 16);
        }
    }
}
