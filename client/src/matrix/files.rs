//! Pictures for the window: thumbnails and whole ones; and files that are opened without being kept.

use std::sync::Arc;

use matrix_sdk::{
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
    ruma::{UInt, events::room::MediaSource},
};

use crate::{
    matrix::{failure, live::Live, store},
    model::{
        command::Command,
        media::{is_program, safe_name},
        update::{Failure, Pixels, Update},
        viewer::{Look, News, Wish},
    },
    pictures,
};

/// Does what a command about files asks for.
pub(super) async fn take(live: &Arc<Live>, command: Command) {
    match command {
        Command::Thumbnail { source, thumbnail, size } => {
            let bytes = thumbnail_bytes(live, &source, thumbnail.as_deref(), size).await;
            let pixels = decode(live, bytes, size).await;
            live.updates.send(Update::Thumbnail { source, pixels });
        }
        Command::Viewer(Wish::Look { source, side }) => {
            let look = look(live, &source, side).await;
            live.updates.send(Update::Viewer(News { source, look }));
        }
        Command::OpenFile { source, name } => match open(live, &source, &name).await {
            Ok(()) => live.updates.send(Update::Opened),
            Err(failure) => live.failed(failure),
        },
        _ => {}
    }
}

pub(super) fn parse(source: &str) -> Option<MediaSource> {
    serde_json::from_str(source).ok()
}

pub(super) async fn whole(live: &Live, source: &str) -> Result<Vec<u8>, Failure> {
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

async fn decode(live: &Live, bytes: Option<Vec<u8>>, size: (u32, u32)) -> Option<Pixels> {
    let bytes = bytes?;
    let _permit = live.decoding.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || pictures::decode(&bytes, Some(size), true)).await.ok()?
}

async fn look(live: &Live, source: &str, side: u32) -> Option<Look> {
    let bytes = whole(live, source).await.ok()?;
    let _permit = live.decoding.acquire().await.ok()?;
    let (pixels, whole) = tokio::task::spawn_blocking(move || pictures::whole(&bytes, side)).await.ok()??;
    Some(Look { pixels, whole })
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
