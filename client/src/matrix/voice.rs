//! Sounds: their bytes for the thread that plays them, and recordings for the send queue.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    attachment::{AttachmentInfo, BaseAudioInfo},
    ruma::{EventId, UInt},
};
use matrix_sdk_ui::timeline::{AttachmentConfig, AttachmentSource};

use crate::{
    matrix::{files, live::Live},
    model::{
        update::{Failure, Update},
        voice::{Bytes, LOUDEST, News, Take, Wish},
    },
};

/// Does what is wished of sounds.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Fetch { key, source, place } => {
            let kept = match place {
                Some(place) => tokio::fs::read(place).await.ok(),
                None => None,
            };
            let sound = match kept {
                Some(bytes) => Ok(bytes),
                None => files::whole(live, &source).await,
            };
            live.updates.send(Update::Voice(News { key, sound: sound.map(|bytes| Bytes(bytes.into())) }));
        }
        Wish::Send { room, reply_to, name, take } => {
            if let Err(failure) = send(live, &room, reply_to.as_deref(), name, take).await {
                live.failed(failure);
            }
        }
    }
}

/// A voice message: `m.audio` with `org.matrix.msc3245.voice` and, for its waveform, `org.matrix.msc1767.audio`.
async fn send(live: &Arc<Live>, room: &str, reply_to: Option<&str>, name: String, take: Take) -> Result<(), Failure> {
    let timeline = live.timeline(room).await?;
    let config = AttachmentConfig {
        info: Some(AttachmentInfo::Voice(BaseAudioInfo {
            duration: Some(Duration::from_millis(take.duration_ms)),
            size: UInt::try_from(take.sound.as_ref().len() as u64).ok(),
            waveform: Some(take.waveform.iter().map(|value| f32::from(*value) / f32::from(LOUDEST)).collect()),
        })),
        in_reply_to: reply_to.and_then(|key| EventId::parse(key).ok()),
        ..AttachmentConfig::default()
    };
    let mime = "audio/ogg".parse().map_err(|_| Failure::Other)?;
    let source = AttachmentSource::Data { bytes: take.sound.as_ref().to_vec(), filename: name };
    timeline.send_attachment(source, mime, config).use_send_queue().await.map_err(|error| {
        tracing::warn!(%error, "a recording was not taken for sending");
        Failure::Other
    })
}
