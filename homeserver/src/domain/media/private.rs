//! Files that the media API knows nothing of: what comes with feedback. Who has them keeps the books about them.

use bytes::Bytes;
use futures_util::Stream;

use super::{Media, key};
use crate::{error::Result, storage::blobs::Key};

impl Media {
    /// Receives the bytes of a private file, and answers how many they are and their hash.
    ///
    /// # Errors
    ///
    /// `M_TOO_LARGE` for more than `most`.
    pub async fn receive_private<S, E>(
        &self,
        id: &str,
        most: u64,
        declared: Option<u64>,
        bytes: S,
    ) -> Result<(u64, Vec<u8>)>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        self.receive_at(private_key(id), most, declared, bytes).await
    }

    /// The bytes of a private file; `None` where there are none.
    pub async fn read_private(&self, id: &str) -> Result<Option<Bytes>> {
        Ok(self.blobs.bytes(&private_key(id)).await?)
    }

    /// Removes the bytes of a private file.
    pub async fn delete_private(&self, id: &str) -> Result<()> {
        Ok(self.blobs.delete(&private_key(id)).await?)
    }
}

/// Where the bytes of a private file lie.
pub fn private_key(id: &str) -> Key {
    key("feedback", id)
}
