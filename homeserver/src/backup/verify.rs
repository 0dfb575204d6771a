//! Reading an archive and believing nothing that its manifest does not confirm.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};

use super::{AUTHORITY, CONFIGURATION, DATABASE, FORMAT, Hashing, MANIFEST, MEDIA, Manifest, Member};

/// The largest manifest that is read.
const MAX_MANIFEST: u64 = 1 << 30;

/// Checks every member of an archive against its manifest.
pub fn verify(archive: &Path) -> anyhow::Result<Manifest> {
    walk(archive, |_, _| Ok(()))
}

/// Hands every member but the manifest to `each`, and then checks all that was read against the manifest. What `each` has
/// done with a member counts for nothing unless this answers `Ok`.
pub(super) fn walk(
    archive: &Path,
    mut each: impl FnMut(&str, &mut dyn Read) -> anyhow::Result<()>,
) -> anyhow::Result<Manifest> {
    let file = File::open(archive).with_context(|| format!("{} cannot be read", archive.display()))?;
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 20, file));
    let mut members: BTreeMap<String, Member> = BTreeMap::new();
    let mut manifest: Option<Manifest> = None;
    for entry in archive.entries().context("this is not a backup")? {
        let entry = entry.context("the archive is damaged or cut short")?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).context("a member's name is not UTF-8")?;
        ensure!(entry.header().entry_type().is_file(), "{name} is not a plain file");
        ensure!(manifest.is_none(), "something follows the manifest");
        if name == MANIFEST {
            ensure!(entry.size() <= MAX_MANIFEST, "the manifest is too long");
            let read: Manifest = serde_json::from_reader(entry).context("the manifest cannot be read")?;
            ensure!(read.format == FORMAT, "the archive was made by a newer Parta ({}). Use that one.", read.parta);
            manifest = Some(read);
            continue;
        }
        ensure!(is_member(&name), "{name:?} does not belong into a backup");
        let mut reader = Hashing::new(entry);
        each(&name, &mut reader)?;
        std::io::copy(&mut reader, &mut std::io::sink()).context("the archive is damaged or cut short")?;
        let member = reader.member(&name);
        ensure!(members.insert(name.clone(), member).is_none(), "{name} is there twice");
    }
    let Some(manifest) = manifest else { bail!("the archive has no manifest: it is cut short, or not a backup") };
    for promised in &manifest.members {
        let found = members.remove(&promised.name).with_context(|| format!("{} is missing", promised.name))?;
        ensure!(found == *promised, "{} is damaged: its hash is not the manifest's", promised.name);
    }
    if let Some(name) = members.keys().next() {
        bail!("{name} is not in the manifest");
    }
    Ok(manifest)
}

/// Whether a name is one that this program gives. Nothing else is ever written to a disk, so no name leads out of a folder.
fn is_member(name: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match name {
        DATABASE | CONFIGURATION => true,
        _ if AUTHORITY.contains(&name) => true,
        _ => name.strip_prefix(MEDIA).is_some_and(|key| key.split('/').all(plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_taken() {
        assert!(is_member("parta.db") && is_member("parta.toml") && is_member("media/content/ab/cd/abcd"));
        assert!(is_member("tls/authority.pem") && !is_member("tls/server.key"));
        for trick in
            ["../parta.db", "/etc/passwd", "media/../parta.db", "media//x", "media/", "media/a/./b", "x", "media/a\0"]
        {
            assert!(!is_member(trick), "{trick:?}");
        }
    }
}
