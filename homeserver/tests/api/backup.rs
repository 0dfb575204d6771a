//! A backup is rehearsed: made while people write, restored elsewhere, started, compared.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use homeserver::{
    app::App, backup, clock::Clock, config::Config, domain::media::Described, lock::Lock, storage::db::sql,
};
use ruma::user_id;

use crate::server::{Server, count};

async fn upload(app: &App, bytes: Vec<u8>) -> String {
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(axum::body::Bytes::from(bytes))]);
    let described = Described::new(None, None).unwrap();
    app.media
        .upload(user_id!("@anna:parta.test"), described, None, stream)
        .await
        .unwrap()
        .media_id()
        .unwrap()
        .to_owned()
}

async fn note(app: &App, number: i64) {
    app.journal
        .decide(&[], move |batch| {
            let row = sql("INSERT INTO registration_tokens (token, completed) VALUES ($1, $2)");
            batch.rows().statement(row.bind(number.to_string()).bind(number));
            Ok(())
        })
        .await
        .unwrap();
}

async fn restored(archive: &Path, config: &Config, into: &Path) -> App {
    backup::restore(archive, into, false, &Clock::system()).await.unwrap();
    let mut config = config.clone();
    config.server.data_dir = into.to_owned();
    App::start(config, Clock::system()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_comes_back_whole() {
    let server = Server::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let config_file = folder.path().join("parta.toml");
    fs::write(&config_file, "[server]\nname = \"parta.test\"\ndata_dir = \"/var/lib/parta\"\n").unwrap();
    let file = upload(&server.app, vec![42; 300_000]).await;
    for number in 0..50 {
        note(&server.app, number).await;
    }
    // Four who write, and one who uploads, all the while.
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(50)));
    let mut load = Vec::new();
    for worker in 0..5 {
        let (app, stop, written) = (server.app.clone(), stop.clone(), written.clone());
        load.push(tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                if worker == 0 {
                    upload(&app, vec![7; 10_000]).await;
                } else {
                    note(&app, written.fetch_add(1, Ordering::SeqCst)).await;
                }
            }
        }));
    }
    let before = count(&server, "SELECT COUNT(*) AS n FROM registration_tokens").await;
    let created =
        backup::create(&server.app.config, Some(&config_file), folder.path(), &Clock::system()).await.unwrap();
    let after = count(&server, "SELECT COUNT(*) AS n FROM registration_tokens").await;
    stop.store(true, Ordering::SeqCst);
    for worker in load {
        worker.await.unwrap();
    }
    assert!(after > before, "there was no load");
    assert!(created.manifest.missing.is_empty() && created.manifest.damaged.is_empty());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing but the archive and the configuration is there"
    );
    backup::verify(&created.file).unwrap();

    let into = folder.path().join("restored");
    let app = restored(&created.file, &server.app.config, &into).await;
    let rows = sql("SELECT completed FROM registration_tokens ORDER BY completed").all(&app.db).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.get("completed").unwrap()).collect();
    assert!(numbers.len() as i64 >= before, "what was answered before the backup is in it");
    let at_the_end =
        sql("SELECT completed FROM registration_tokens ORDER BY completed").all(&server.app.db).await.unwrap();
    assert!(numbers.iter().all(|n| at_the_end.iter().any(|row| row.get::<i64>("completed").unwrap() == *n)));
    for entry in homeserver::storage::media::page(&app.db, "", 10_000).await.unwrap() {
        let (old, new) = (server.app.config.media_dir(), into.join("media"));
        let key = homeserver::domain::media::content_key(&entry.media_id).to_string();
        assert_eq!(fs::read(old.join(&key)).unwrap(), fs::read(new.join(&key)).unwrap());
    }
    let found = app.media.find(&app.config.server.name, &file, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(found.content.size, 300_000);
    assert_eq!(fs::read(into.join("parta.toml")).unwrap(), fs::read(&config_file).unwrap());
    note(&app, -1).await;
}

#[tokio::test]
async fn data_is_only_replaced_when_told_to_and_never_under_a_server() {
    let server = Server::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    note(&server.app, 1).await;
    let archive = folder.path().join("one.tar");
    backup::create(&server.app.config, None, &archive, &Clock::system()).await.unwrap();
    backup::create(&server.app.config, None, &archive, &Clock::system()).await.unwrap_err();
    let into = folder.path().join("data");
    fs::create_dir(&into).unwrap();
    fs::write(into.join("precious"), "x").unwrap();
    let refused = backup::restore(&archive, &into, false, &Clock::system()).await.unwrap_err();
    assert!(refused.to_string().contains("--force"), "{refused}");
    let lock = Lock::take(&into).unwrap();
    let refused = backup::restore(&archive, &into, true, &Clock::system()).await.unwrap_err();
    assert!(refused.to_string().contains("running"), "{refused}");
    drop(lock);
    let done = backup::restore(&archive, &into, true, &Clock::system()).await.unwrap();
    assert_eq!(fs::read_to_string(done.old.unwrap().join("precious")).unwrap(), "x");
    assert!(into.join("parta.db").is_file() && !into.join("precious").exists());
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let server = Server::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    upload(&server.app, vec![9; 200_000]).await;
    let archive = folder.path().join("whole.tar");
    backup::create(&server.app.config, None, &archive, &Clock::system()).await.unwrap();
    let mut bytes = Vec::new();
    fs::File::open(&archive).unwrap().read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(100).position(|window| window == [9; 100]).unwrap();
    let mut flipped = bytes.clone();
    flipped[at] ^= 1;
    let evil = {
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.as_gnu_mut().unwrap().name[..9].copy_from_slice(b"../evil.x");
        header.set_cksum();
        [header.as_bytes(), &[b'x'; 512][..], &bytes].concat()
    };
    let half = bytes[..bytes.len() / 2].to_vec();
    for (name, bytes) in [("flipped", flipped), ("half", half), ("evil", evil), ("text", b"not an archive".to_vec())] {
        let file = folder.path().join(name);
        fs::File::create(&file).unwrap().write_all(&bytes).unwrap();
        backup::verify(&file).unwrap_err();
        let into = folder.path().join("data");
        backup::restore(&file, &into, true, &Clock::system()).await.unwrap_err();
        assert!(!into.exists(), "{name}");
        let left = fs::read_dir(folder.path()).unwrap().flatten().filter(|e| e.file_type().unwrap().is_dir()).count();
        assert_eq!(left, 0, "{name} left something behind");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_the_media_are_backed_up() {
    let Some(server) = Server::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    upload(&server.app, vec![1; 1000]).await;
    let created = backup::create(&server.app.config, None, folder.path(), &Clock::system()).await.unwrap();
    assert!(!created.manifest.database);
    assert_eq!(created.manifest.members.len(), 1);
}
