//! The bytes of media: written as they come, read in ranges. Knows keys, not what they mean.
//!
//! Keys are made by the server; nothing that a client names ever becomes part of one.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload,
    local::LocalFileSystem,
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

pub use object_store::path::Path as Key;

/// Bytes that are gathered before they are written: one hop to a thread that may block for each.
const PART: usize = 1 << 20;
/// Bytes of one read; a file no longer than this is read whole.
const CHUNK: usize = 256 << 10;

/// The media store.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
}

/// Bytes that are read.
pub enum Bytestream {
    /// All of them.
    Whole(Bytes),
    /// Piece by piece.
    Pieces(BoxStream<'static, io::Result<Bytes>>),
}

impl std::fmt::Debug for Bytestream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bytestream")
    }
}

/// A file that is being written. It appears under its key when [`Writer::finish`] is done, and leaves no trace
/// if it is dropped before.
#[derive(Debug)]
pub struct Writer {
    blobs: Blobs,
    key: Key,
    waiting: Vec<Bytes>,
    length: usize,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Blobs {
    /// A folder of this machine, made if it is not there. What is written is on the disk before it counts as written.
    pub fn local(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: folder.to_owned() })
    }

    /// Begins a file.
    pub fn write(&self, key: Key) -> Writer {
        Writer { blobs: self.clone(), key, waiting: Vec::new(), length: 0, upload: None }
    }

    /// Writes a small file at once.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> io::Result<()> {
        self.store.put(key, PutPayload::from_bytes(bytes)).await?;
        Ok(())
    }

    /// Reads a file or a part of it; `None` if there is no such file.
    pub async fn read(&self, key: &Key, range: Option<Range<u64>>) -> io::Result<Option<Bytestream>> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = match self.store.get_opts(key, options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let range = found.range.clone();
        let length = range.end - range.start;
        if length <= CHUNK as u64 {
            return Ok(Some(Bytestream::Whole(found.bytes().await?)));
        }
        Ok(Some(Bytestream::Pieces(match found.payload {
            GetResultPayload::File(file, _) => {
                let mut file = tokio::fs::File::from_std(file);
                file.set_max_buf_size(CHUNK);
                file.seek(io::SeekFrom::Start(range.start)).await?;
                ReaderStream::with_capacity(file.take(length), CHUNK).boxed()
            }
            GetResultPayload::Stream(stream) => stream.map_err(io::Error::from).boxed(),
        })))
    }

    /// Reads a whole file into memory.
    pub async fn bytes(&self, key: &Key) -> io::Result<Option<Bytes>> {
        match self.store.get(key).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Removes a file; one that is not there is no error.
    pub async fn delete(&self, key: &Key) -> io::Result<()> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// The keys under a prefix, with the time of their last change in milliseconds since the Unix epoch.
    pub fn list(&self, prefix: &Key) -> impl Stream<Item = io::Result<(Key, i64)>> + Send + use<> {
        self.store
            .list(Some(prefix))
            .map_ok(|meta| (meta.location, meta.last_modified.timestamp_millis()))
            .map_err(io::Error::from)
    }

    /// Removes what uploads have left behind that a killed process was receiving, if it is older than `before`, and tells
    /// how many files that were.
    pub fn sweep(&self, before: SystemTime) -> io::Result<usize> {
        let mut removed = 0;
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                // The store calls an unfinished file by its final name, `#` and a number; no key of ours has a `#`.
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().as_encoded_bytes().contains(&b'#') && entry.metadata()?.modified()? < before
                {
                    std::fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

impl Writer {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.length += bytes.len();
        self.waiting.push(bytes);
        if self.length < PART {
            return Ok(());
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self.upload.insert(self.blobs.store.put_multipart(&self.key).await?),
        };
        self.length = 0;
        Ok(upload.put_part(std::mem::take(&mut self.waiting).into_iter().collect()).await?)
    }

    /// Makes the file appear.
    pub async fn finish(mut self) -> io::Result<()> {
        let rest: PutPayload = std::mem::take(&mut self.waiting).into_iter().collect();
        match self.upload.take() {
            None => self.blobs.store.put(&self.key, rest).await.map(drop)?,
            Some(mut upload) => {
                if self.length > 0 {
                    upload.put_part(rest).await?;
                }
                upload.complete().await?;
            }
        }
        Ok(())
    }

    /// Gives up: what was written is removed.
    pub async fn abort(mut self) -> io::Result<()> {
        match self.upload.take() {
            Some(mut upload) => Ok(upload.abort().await?),
            None => Ok(()),
        }
    }
}
