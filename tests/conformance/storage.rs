//! What every storage must do, run against each.

use bytes::Bytes;
use dbb::error::code;
use dbb::port::storage::{Put, PutMode, Storage};
use dbb::storage::local::LocalStorage;
use dbb::storage::memory::MemoryStorage;
use dbb::storage::read_only::ReadOnly;
use std::sync::Arc;

/// A storage and what must outlive it.
struct Place {
    storage: Arc<dyn Storage>,
    _folder: Option<tempfile::TempDir>,
}

fn memory() -> Place {
    Place { storage: Arc::new(MemoryStorage::default()), _folder: None }
}

fn local() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { storage: Arc::new(LocalStorage::new(folder.path().join("repo"))), _folder: Some(folder) }
}

macro_rules! conform {
    ($($adapter:ident),*) => {$(
        mod $adapter {
            use super::$adapter as place;

            #[tokio::test]
            async fn puts_and_gets() {
                super::puts_and_gets(&*place().storage).await;
            }
            #[tokio::test]
            async fn create_never_replaces() {
                super::create_never_replaces(place().storage).await;
            }
            #[tokio::test]
            async fn uploads_appear_whole_or_not_at_all() {
                super::uploads_appear_whole_or_not_at_all(&*place().storage).await;
            }
            #[tokio::test]
            async fn lists_by_prefix_in_order() {
                super::lists_by_prefix_in_order(&*place().storage).await;
            }
            #[tokio::test]
            async fn absence_is_no_error() {
                super::absence_is_no_error(&*place().storage).await;
            }
            #[tokio::test]
            async fn keys_cannot_leave() {
                super::keys_cannot_leave(&*place().storage).await;
            }
            #[tokio::test]
            async fn read_only_refuses_to_change() {
                super::read_only_refuses_to_change(place().storage).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn many_at_once() {
                super::many_at_once(place().storage).await;
            }
        }
    )*};
}

conform!(memory, local);

async fn keys(storage: &dyn Storage, prefix: &str) -> Vec<String> {
    storage.list(prefix).await.unwrap().into_iter().map(|entry| entry.key).collect()
}

async fn read(storage: &dyn Storage, key: &str) -> Vec<u8> {
    let mut download = storage.open(key).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = download.read().await.unwrap() {
        assert!(!piece.is_empty());
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(download.read().await.unwrap(), None, "the end stays the end");
    bytes
}

async fn puts_and_gets(storage: &dyn Storage) {
    for bytes in [&b""[..], b"one", &[7; 700_000]] {
        let put = storage.put("a/b", Bytes::copy_from_slice(bytes), PutMode::Replace).await.unwrap();
        assert_eq!(put, Put::Stored);
        assert_eq!(storage.get("a/b", 700_000).await.unwrap().unwrap(), bytes);
        assert_eq!(read(storage, "a/b").await, bytes);
        assert_eq!(storage.size("a/b").await.unwrap(), Some(bytes.len() as u64));
    }
    assert!(storage.get("a/b", 699_999).await.is_err(), "past the limit");
    storage.delete("a/b").await.unwrap();
    assert_eq!(storage.get("a/b", 10).await.unwrap(), None);
}

async fn create_never_replaces(storage: Arc<dyn Storage>) {
    let put = |text: &'static str| {
        let storage = storage.clone();
        async move { storage.put("k", Bytes::from_static(text.as_bytes()), PutMode::Create).await.unwrap() }
    };
    assert_eq!(put("first").await, Put::Stored);
    assert_eq!(put("second").await, Put::Existed);
    let mut upload = storage.upload().await.unwrap();
    upload.write(Bytes::from_static(b"third")).await.unwrap();
    assert_eq!(upload.publish("k").await.unwrap(), Put::Existed);
    assert_eq!(storage.get("k", 100).await.unwrap().unwrap(), "first");
    assert_eq!(keys(&*storage, "").await, ["k"]);
}

async fn uploads_appear_whole_or_not_at_all(storage: &dyn Storage) {
    let whole: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut upload = storage.upload().await.unwrap();
    for piece in whole.chunks(70_001) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(keys(storage, "").await, [""; 0]);
    assert_eq!(upload.publish("objects/ab/c").await.unwrap(), Put::Stored);
    storage.sync().await.unwrap();
    assert_eq!(read(storage, "objects/ab/c").await, whole);
    let mut given_up = storage.upload().await.unwrap();
    given_up.write(Bytes::from(whole)).await.unwrap();
    drop(given_up);
    let empty = storage.upload().await.unwrap();
    assert_eq!(empty.publish("objects/empty").await.unwrap(), Put::Stored);
    assert_eq!(keys(storage, "").await, ["objects/ab/c", "objects/empty"]);
    assert_eq!(read(storage, "objects/empty").await, b"");
    storage.sync().await.unwrap();
}

async fn lists_by_prefix_in_order(storage: &dyn Storage) {
    for key in ["b/2", "a", "b/10", "b/c/d", "bc", "b/1"] {
        storage.put(key, Bytes::from_static(b"123"), PutMode::Create).await.unwrap();
    }
    assert_eq!(keys(storage, "").await, ["a", "b/1", "b/10", "b/2", "b/c/d", "bc"]);
    assert_eq!(keys(storage, "b/").await, ["b/1", "b/10", "b/2", "b/c/d"]);
    assert_eq!(keys(storage, "b/1").await, ["b/1", "b/10"]);
    assert_eq!(keys(storage, "b").await, ["b/1", "b/10", "b/2", "b/c/d", "bc"]);
    assert_eq!(keys(storage, "x/").await, [""; 0]);
    assert!(storage.list("").await.unwrap().iter().all(|entry| entry.bytes == 3));
    assert!(storage.occupied().await.unwrap());
}

async fn absence_is_no_error(storage: &dyn Storage) {
    assert_eq!(storage.get("a/b", 10).await.unwrap(), None);
    assert!(storage.open("a/b").await.unwrap().is_none());
    assert_eq!(storage.size("a/b").await.unwrap(), None);
    assert_eq!(keys(storage, "").await, [""; 0]);
    assert!(!storage.occupied().await.unwrap());
    storage.delete("a/b").await.unwrap();
    storage.sync().await.unwrap();
    storage.free_bytes().await.unwrap();
}

async fn keys_cannot_leave(storage: &dyn Storage) {
    for key in ["../x", "/x", "a/../../x", "", "tmp/x", "a b"] {
        assert!(storage.put(key, Bytes::new(), PutMode::Replace).await.is_err(), "{key}");
        assert!(storage.get(key, 1).await.is_err(), "{key}");
        assert!(storage.open(key).await.is_err(), "{key}");
        assert!(storage.delete(key).await.is_err(), "{key}");
        let upload = storage.upload().await.unwrap();
        assert!(upload.publish(key).await.is_err(), "{key}");
    }
    assert!(storage.list("../").await.is_err());
}

async fn read_only_refuses_to_change(storage: Arc<dyn Storage>) {
    storage.put("k", Bytes::from_static(b"v"), PutMode::Create).await.unwrap();
    let looking = ReadOnly::new(storage);
    assert_eq!(looking.get("k", 10).await.unwrap().unwrap(), "v");
    let refused = [
        looking.put("k", Bytes::new(), PutMode::Replace).await.err().unwrap(),
        looking.upload().await.err().unwrap(),
        looking.delete("k").await.err().unwrap(),
    ];
    assert!(refused.iter().all(|error| error.code() == code::PLAN_READ_ONLY));
    assert_eq!(looking.get("k", 10).await.unwrap().unwrap(), "v");
}

async fn many_at_once(storage: Arc<dyn Storage>) {
    let tasks: Vec<_> = (0..200u32)
        .map(|n| {
            let storage = storage.clone();
            tokio::spawn(async move {
                let mut upload = storage.upload().await.unwrap();
                upload.write(Bytes::from(format!("{}", n % 100))).await.unwrap();
                upload.publish(&format!("objects/{}", n % 100)).await.unwrap()
            })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        stored += u32::from(task.await.unwrap() == Put::Stored);
    }
    assert_eq!(stored, 100, "of two who come at once, one is told");
    storage.sync().await.unwrap();
    assert_eq!(storage.list("objects/").await.unwrap().len(), 100);
    assert_eq!(storage.get("objects/42", 10).await.unwrap().unwrap(), "42");
}

#[tokio::test]
async fn local_files_are_private_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    rustix::process::umask(rustix::fs::Mode::empty());
    let place = local();
    place.storage.put("snapshots/d/s", Bytes::from_static(b"m"), PutMode::Create).await.unwrap();
    let upload = place.storage.upload().await.unwrap();
    upload.publish("objects/plain/ab/abc").await.unwrap();
    let root = place._folder.as_ref().unwrap().path().join("repo");
    let mode = |path: &str| std::fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
    for folder in ["", "snapshots", "snapshots/d", "objects", "objects/plain", "objects/plain/ab", "tmp"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in ["snapshots/d/s", "objects/plain/ab/abc"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_what_lives_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = LocalStorage::new(folder.path());
    let mut living = first.upload().await.unwrap();
    living.write(Bytes::from_static(b"alive")).await.unwrap();
    std::fs::write(folder.path().join("tmp/left"), b"by a killed process").unwrap();
    let second = LocalStorage::new(folder.path());
    drop(second.upload().await.unwrap());
    assert!(!folder.path().join("tmp/left").exists());
    assert_eq!(living.publish("k").await.unwrap(), Put::Stored);
    assert_eq!(second.get("k", 10).await.unwrap().unwrap(), "alive");
    assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
}
