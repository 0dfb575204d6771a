//! Files: sending, thumbnails, whole pictures, saving and opening.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use matrix_sdk::{
    attachment::{AttachmentInfo, BaseFileInfo, BaseImageInfo, Thumbnail},
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
    ruma::{UInt, events::room::MediaSource},
};
use matrix_sdk_ui::timeline::{AttachmentConfig, AttachmentSource};

use crate::{
    matrix::{failure, live::Live, store},
    model::{
        command::Command,
        update::{Failure, Pixels, Update},
    },
    pictures,
};

/// A sent picture larger than this on a side gets a thumbnail of this size.
const THUMBNAIL_SIDE: u32 = 800;

/// Does what a command about files asks for.
pub(super) async fn take(live: &Arc<Live>, command: Command) {
    match command {
        Command::Thumbnail { source, thumbnail, size } => {
            let bytes = thumbnail_bytes(live, &source, thumbnail.as_deref(), size).await;
            let pixels = decode(live, bytes, Some(size), true).await;
            live.updates.send(Update::Thumbnail { source, pixels });
        }
        Command::Picture { source } => {
            let bytes = whole(live, &source).await.ok();
            let pixels = decode(live, bytes, None, false).await;
            live.updates.send(Update::Picture { source, pixels });
        }
        Command::SaveFile { source, path } => match save(live, &source, &path).await {
            Ok(()) => live.updates.send(Update::Saved),
            Err(failure) => live.failed(failure),
        },
        Command::OpenFile { source, name } => match open(live, &source, &name).await {
            Ok(()) => live.updates.send(Update::Opened),
            Err(failure) => live.failed(failure),
        },
        Command::SendFile { room, path } => {
            if let Err(failure) = send_file(live, &room, path).await {
                live.failed(failure);
            }
        }
        Command::SendPixels { room, pixels } => {
            if let Err(failure) = send_pixels(live, &room, pixels).await {
                live.failed(failure);
            }
        }
        _ => {}
    }
}

fn parse(source: &str) -> Option<MediaSource> {
    serde_json::from_str(source).ok()
}

async fn whole(live: &Live, source: &str) -> Result<Vec<u8>, Failure> {
    let source = parse(source).ok_or(Failure::NotFound)?;
    let request = MediaRequestParameters { source, format: MediaFormat::File };
    live.client.media().get_media_content(&request, true).await.map_err(|error| failure::of(&error))
}

/// A thumbnail made by the sender where the file is encrypted, by the server otherwise, and the whole file last.
async fn thumbnail_bytes(
    live: &Live,
    source: &str,
    thumbnail: Option<&str>,
    (width, height): (u32, u32),
) -> Option<Vec<u8>> {
    let whole_source = parse(source)?;
    if let MediaSource::Encrypted(_) = whole_source {
        if let Some(thumbnail) = thumbnail
            && let Ok(bytes) = whole(live, thumbnail).await
        {
            return Some(bytes);
        }
    } else {
        let settings = MediaThumbnailSettings::new(UInt::from(width), UInt::from(height));
        let request = MediaRequestParameters { source: whole_source, format: MediaFormat::Thumbnail(settings) };
        if let Ok(bytes) = live.client.media().get_media_content(&request, true).await {
            return Some(bytes);
        }
    }
    whole(live, source).await.ok()
}

async fn decode(live: &Live, bytes: Option<Vec<u8>>, fit: Option<(u32, u32)>, rounded: bool) -> Option<Pixels> {
    let bytes = bytes?;
    let _permit = live.decoding.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || pictures::decode(&bytes, fit, rounded)).await.ok()?
}

async fn save(live: &Live, source: &str, path: &Path) -> Result<(), Failure> {
    let bytes = whole(live, source).await?;
    tokio::fs::write(path, bytes).await.map_err(|error| {
        tracing::warn!(%error, "file cannot be saved");
        Failure::CannotSave
    })
}

/// Puts the file beside the store and hands it to the program the system has for it.
async fn open(live: &Live, source: &str, name: &str) -> Result<(), Failure> {
    let name = safe_name(name);
    if is_program(&name) {
        return Err(Failure::Program);
    }
    let bytes = whole(live, source).await?;
    let folder = store::opened(&live.data_dir).join(format!("{:08x}", rand::random::<u32>()));
    let path = folder.join(name);
    let written = async {
        tokio::fs::create_dir_all(&folder).await?;
        tokio::fs::write(&path, bytes).await
    }
    .await;
    written.and_then(|()| open::that_detached(&path)).map_err(|error| {
        tracing::warn!(%error, "file cannot be opened");
        Failure::CannotOpen
    })
}

/// Ends of names that systems run rather than show.
const PROGRAMS: [&str; 26] = [
    "apk", "app", "appimage", "bat", "cmd", "com", "command", "cpl", "deb", "desktop", "exe", "hta", "jar", "js",
    "jse", "lnk", "msi", "ps1", "reg", "rpm", "run", "scr", "sh", "vbe", "vbs", "wsf",
];

/// A file that the system would run instead of showing it.
fn is_program(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.trim_end().to_lowercase());
    end.is_some_and(|end| PROGRAMS.contains(&end.as_str()))
}

/// A name without folders or signs that file systems refuse.
fn safe_name(name: &str) -> String {
    let name: String =
        name.chars()
            .map(|c| {
                if c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                    '_'
                } else {
                    c
                }
            })
            .collect();
    let name = name.trim_matches(['.', ' ']);
    let short: String = name.chars().rev().take(120).collect::<Vec<_>>().into_iter().rev().collect();
    if short.is_empty() { "file".to_owned() } else { short }
}

async fn send_file(live: &Arc<Live>, room: &str, path: PathBuf) -> Result<(), Failure> {
    let size = tokio::fs::metadata(&path).await.map_err(|_| Failure::CannotRead)?.len();
    // While the server is away its limit is unknown; it then speaks when the file is sent.
    if let Ok(most) = live.client.load_or_fetch_max_upload_size().await
        && size > u64::from(most)
    {
        return Err(Failure::TooLarge);
    }
    let bytes = tokio::fs::read(&path).await.map_err(|_| Failure::CannotRead)?;
    let name = path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
    let mime = mime_guess::from_path(&path).first_or_octet_stream();
    send(live, room, bytes, name, mime).await
}

async fn send_pixels(live: &Arc<Live>, room: &str, pixels: Pixels) -> Result<(), Failure> {
    let png = tokio::task::spawn_blocking(move || {
        let picture = image::RgbaImage::from_raw(pixels.width, pixels.height, pixels.rgba)?;
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).ok()?;
        Some(bytes.into_inner())
    })
    .await
    .ok()
    .flatten()
    .ok_or(Failure::Other)?;
    let stamp = jiff::Zoned::now().strftime("%Y-%m-%d %H-%M-%S").to_string();
    send(live, room, png, format!("{stamp}.png"), mime::IMAGE_PNG).await
}

async fn send(live: &Arc<Live>, room: &str, bytes: Vec<u8>, filename: String, mime: mime::Mime) -> Result<(), Failure> {
    let timeline = live.timeline(room).await?;
    let size = UInt::try_from(bytes.len() as u64).ok();
    let mut config =
        AttachmentConfig { info: Some(AttachmentInfo::File(BaseFileInfo { size })), ..AttachmentConfig::default() };
    let mut bytes = bytes;
    if mime.type_() == mime::IMAGE {
        let _permit = live.decoding.acquire().await.map_err(|_| Failure::Other)?;
        let (returned, seen) = tokio::task::spawn_blocking(move || {
            let seen = pictures::open(&bytes).map(|picture| (picture.width(), picture.height(), small(&picture)));
            (bytes, seen)
        })
        .await
        .map_err(|_| Failure::Other)?;
        bytes = returned;
        if let Some((width, height, thumbnail)) = seen {
            config.info = Some(AttachmentInfo::Image(BaseImageInfo {
                width: Some(width.into()),
                height: Some(height.into()),
                size,
                blurhash: None,
                is_animated: None,
            }));
            config.thumbnail = thumbnail;
        }
    }
    timeline.send_attachment(AttachmentSource::Data { bytes, filename }, mime, config).use_send_queue().await.map_err(
        |error| {
            tracing::warn!(%error, "file was not taken for sending");
            Failure::Other
        },
    )
}

/// A thumbnail of a large picture: others may not be able to make one, the file being encrypted for them.
fn small(picture: &image::DynamicImage) -> Option<Thumbnail> {
    if picture.width() <= THUMBNAIL_SIDE && picture.height() <= THUMBNAIL_SIDE {
        return None;
    }
    let small = picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE).into_rgb8();
    let mut bytes = std::io::Cursor::new(Vec::new());
    small.write_to(&mut bytes, image::ImageFormat::Jpeg).ok()?;
    let data = bytes.into_inner();
    Some(Thumbnail {
        size: UInt::try_from(data.len() as u64).ok()?,
        data,
        content_type: mime::IMAGE_JPEG,
        width: small.width().into(),
        height: small.height().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(safe_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_name("a:b?.txt"), "a_b_.txt");
        assert_eq!(safe_name(".."), "file");
        assert_eq!(safe_name("Урок 5.pdf"), "Урок 5.pdf");
        let shortened = safe_name(&format!("{}.png", "а".repeat(400)));
        assert_eq!(Path::new(&shortened).extension(), Some("png".as_ref()));
    }

    #[test]
    fn programs_are_told_from_what_is_read() {
        for name in ["game.exe", "Игра.EXE", "фото.jpg.scr", "run.sh", "a.lnk "] {
            assert!(is_program(name), "{name}");
        }
        for name in ["Урок 5.pdf", "exe", "фото.jpg", "без точки"] {
            assert!(!is_program(name), "{name}");
        }
    }
}
