//! The accounts of this computer: a folder each below `accounts`, and the name of the one that was used last in `current`.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    matrix::{home::Home, store},
    model::{accounts::Account, person},
};

/// The file with the id of the account that was used last.
const CURRENT: &str = "current";
/// How an account looks.
const FACE: &str = "face.json";

/// The accounts of a data folder.
#[derive(Debug, Clone)]
pub(super) struct Accounts(PathBuf);

/// How an account looks while nobody asks its server.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Face {
    name: String,
    avatar: String,
}

impl Accounts {
    /// Those of a data folder.
    pub(super) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("accounts"))
    }

    fn folders(&self) -> BTreeMap<String, PathBuf> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
    }

    /// All of them, by name.
    pub(super) fn list(&self) -> Vec<Account> {
        let mut accounts: Vec<Account> =
            self.folders().into_iter().filter_map(|(id, path)| account(id, &path)).collect();
        accounts.sort_by_cached_key(|account| (account.name.to_lowercase(), account.user_id.clone()));
        accounts
    }

    /// Where an account lives, if there is one with this id.
    pub(super) fn home(&self, id: &str) -> Option<Home> {
        self.folders().remove(id).map(Home::kept)
    }

    /// A fresh place for an account that is signing in.
    pub(super) fn fresh(&self) -> io::Result<(String, Home)> {
        let id = format!("{:016x}", rand::random::<u64>());
        let folder = self.0.join(&id);
        std::fs::create_dir_all(&folder)?;
        Ok((id, Home::kept(folder)))
    }

    /// The account that was used last, or else any.
    pub(super) fn current(&self) -> Option<String> {
        let last = std::fs::read_to_string(self.0.join(CURRENT)).unwrap_or_default();
        let accounts = self.list();
        let last = accounts.iter().find(|account| account.id == last.trim());
        last.or(accounts.first()).map(|account| account.id.clone())
    }

    /// An account is used now.
    pub(super) fn set_current(&self, id: &str) {
        if let Err(error) = set_current(&self.0, id) {
            tracing::warn!(%error, "which account is used cannot be kept");
        }
    }

    /// Forgets which account was used last, once there is none.
    pub(super) fn tidy(&self) {
        if self.list().is_empty() {
            let _ = std::fs::remove_file(self.0.join(CURRENT));
        }
    }

    /// Other places where a person of this id is signed in.
    pub(super) fn twins(&self, id: &str, user_id: &str) -> Vec<String> {
        let all = self.list().into_iter();
        all.filter(|account| account.id != id && account.user_id == user_id).map(|account| account.id).collect()
    }

    /// Files that were handed to other programs in an earlier run go.
    pub(super) fn forget_opened(&self) {
        self.folders().values().for_each(|folder| store::forget_opened(folder));
    }
}

fn set_current(root: &Path, id: &str) -> io::Result<()> {
    let partial = root.join("current.new");
    std::fs::write(&partial, id)?;
    std::fs::rename(partial, root.join(CURRENT))
}

fn account(id: String, folder: &Path) -> Option<Account> {
    let stored = store::load(folder)?;
    let face: Face =
        std::fs::read(folder.join(FACE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let user_id = stored.user_id.to_string();
    let name = if face.name.is_empty() { person::localpart(&user_id).to_owned() } else { face.name };
    Some(Account { id, user_id, name, avatar: face.avatar, server: stored.homeserver })
}

/// Keeps how an account looks.
pub(super) fn keep_face(folder: &Path, name: &str, avatar: &str) {
    let face = Face { name: name.to_owned(), avatar: avatar.to_owned() };
    let written =
        serde_json::to_vec(&face).map_err(io::Error::other).and_then(|bytes| std::fs::write(folder.join(FACE), bytes));
    if let Err(error) = written {
        tracing::warn!(%error, "name and picture of the account cannot be kept");
    }
}

/// Brings the data folder into order before anything reads it: the one account of earlier versions gets its folder, and what
/// sign-ins left that did not come to their end goes.
pub(crate) fn prepare(data_dir: &Path) {
    if data_dir.join(SESSION).exists() {
        if let Err(error) = migrate(data_dir, STEPS.len()) {
            // Everything is where one of the two layouts looks for it; the next start goes on.
            tracing::error!(%error, "the account could not be moved to its folder");
        }
        return;
    }
    let accounts = Accounts::of(data_dir);
    for folder in accounts.folders().into_values().filter(|folder| !folder.join(SESSION).exists()) {
        Home::kept(folder).forget();
    }
    // Databases of earlier versions that no session opens.
    let entries = std::fs::read_dir(data_dir).into_iter().flatten().flatten();
    for stray in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("store-")) {
        Home::kept(stray.path()).forget();
    }
}

const SESSION: &str = "session.json";

/// The way of an account from the data folder into one of its own.
struct Move<'a> {
    from: &'a Path,
    root: PathBuf,
    to: PathBuf,
    id: String,
    store: String,
}

/// Each may be done twice, and the session goes last: whenever the computer stops, the next start finds the session where it
/// was and does the rest, for the folder is named after the store.
const STEPS: [fn(&Move<'_>) -> io::Result<()>; 6] = [
    |way| std::fs::create_dir_all(&way.to),
    |way| rename(way, &way.store),
    |way| rename(way, "downloads.json"),
    own,
    |way| set_current(&way.root, &way.id),
    |way| rename(way, SESSION),
];

fn migrate(data_dir: &Path, steps: usize) -> io::Result<()> {
    let session: Value = serde_json::from_slice(&std::fs::read(data_dir.join(SESSION))?)?;
    let store = session.get("store").and_then(Value::as_str).unwrap_or_default();
    // A name, not a path: nothing outside of the folder is moved.
    let id =
        store.strip_prefix("store-").filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let id = id.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "session.json names no store"))?;
    let root = data_dir.join("accounts");
    let way = Move { from: data_dir, to: root.join(id), root, id: id.to_owned(), store: store.to_owned() };
    store::forget_opened(data_dir);
    STEPS.iter().take(steps).try_for_each(|step| step(&way))
}

fn rename(way: &Move<'_>, name: &str) -> io::Result<()> {
    match std::fs::rename(way.from.join(name), way.to.join(name)) {
        // Moved already, or never there.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What the account chose was kept with the choices of the computer.
fn own(way: &Move<'_>) -> io::Result<()> {
    let to = way.to.join("own.json");
    let Ok(bytes) = std::fs::read(way.from.join("settings.json")) else { return Ok(()) };
    let Ok(Value::Object(mut settings)) = serde_json::from_slice(&bytes) else { return Ok(()) };
    if to.exists() {
        return Ok(());
    }
    settings.retain(|key, _| ["downloads", "room", "emoji", "plain_games"].contains(&key.as_str()));
    std::fs::write(to, serde_json::to_vec_pretty(&settings)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Own;

    /// The data folder of an earlier version.
    fn earlier() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write_session(dir.path(), "@anna:academy", "store-00ff");
        std::fs::create_dir(dir.path().join("store-00ff")).unwrap();
        std::fs::write(dir.path().join("store-00ff/matrix-sdk-state.sqlite3"), "rooms").unwrap();
        std::fs::write(dir.path().join("downloads.json"), "{}").unwrap();
        std::fs::write(dir.path().join("settings.json"), r#"{"theme": "dark", "room": "!class:academy"}"#).unwrap();
        dir
    }

    fn write_session(folder: &Path, user: &str, store: &str) {
        let session = serde_json::json!({
            "homeserver": "https://academy/", "user_id": user, "device_id": "D", "access_token": "t",
            "refresh_token": null, "store": store, "key": vec![7; 32],
        });
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(SESSION), session.to_string()).unwrap();
    }

    #[track_caller]
    fn assert_moved(data_dir: &Path) {
        let accounts = Accounts::of(data_dir);
        let id = accounts.current().expect("an account");
        assert_eq!(accounts.list().len(), 1);
        let home = accounts.home(&id).unwrap();
        let stored = store::load(&home.folder).unwrap();
        let database = home.folder.join(&stored.store).join("matrix-sdk-state.sqlite3");
        assert_eq!(std::fs::read_to_string(database).unwrap(), "rooms");
        assert_eq!(Own::load(&home.folder).room.as_deref(), Some("!class:academy"));
        assert!(home.folder.join("downloads.json").exists());
        assert!(!data_dir.join(SESSION).exists() && !data_dir.join("store-00ff").exists());
        assert!(data_dir.join("settings.json").exists());
    }

    #[test]
    fn an_account_of_an_earlier_version_gets_its_folder_wherever_the_computer_stops() {
        for stopped in 0..=STEPS.len() {
            let dir = earlier();
            migrate(dir.path(), stopped).unwrap();
            // The next start, and the one after it.
            prepare(dir.path());
            assert_moved(dir.path());
            prepare(dir.path());
            assert_moved(dir.path());
        }
    }

    #[test]
    fn a_session_that_cannot_be_read_is_left_as_it_is() {
        let dir = earlier();
        std::fs::write(dir.path().join(SESSION), "{").unwrap();
        prepare(dir.path());
        assert!(dir.path().join("store-00ff").exists() && dir.path().join(SESSION).exists());
        std::fs::write(dir.path().join(SESSION), r#"{"store": "../secrets"}"#).unwrap();
        prepare(dir.path());
        assert!(dir.path().join(SESSION).exists());
    }

    #[test]
    fn what_a_sign_in_left_goes_and_accounts_stay() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::of(dir.path());
        let (half, unfinished) = accounts.fresh().unwrap();
        std::fs::create_dir(unfinished.folder.join("store-1")).unwrap();
        let (id, home) = accounts.fresh().unwrap();
        write_session(&home.folder, "@anna:academy", "store-2");
        prepare(dir.path());
        assert!(accounts.home(&half).is_none() && accounts.home(&id).is_some());
    }

    #[test]
    fn accounts_have_names_and_the_last_one_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::of(dir.path());
        assert_eq!(accounts.current(), None);
        accounts.set_current("gone");
        accounts.tidy();
        assert!(!accounts.0.join(CURRENT).exists(), "nothing tells that anybody was here");
        let (anna, home) = accounts.fresh().unwrap();
        write_session(&home.folder, "@anna:academy", "store-1");
        keep_face(&home.folder, "Анна Петрова", "mxc://academy/1");
        let (oleg, home) = accounts.fresh().unwrap();
        write_session(&home.folder, "@oleg:academy", "store-2");
        let names: Vec<String> = accounts.list().into_iter().map(|account| account.name).collect();
        assert_eq!(names, ["oleg", "Анна Петрова"]);
        accounts.set_current(&anna);
        assert_eq!(accounts.current().as_ref(), Some(&anna));
        assert_eq!(accounts.twins(&anna, "@oleg:academy").first(), Some(&oleg));
        assert!(accounts.twins(&oleg, "@oleg:academy").is_empty());
        accounts.home(&anna).unwrap().forget();
        assert_eq!(accounts.current(), Some(oleg), "who is left");
        assert!(accounts.home("..").is_none());
    }
}
