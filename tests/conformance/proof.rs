//! Whatever happens to stored bytes is noticed before anything of it counts.

use crate::sample::{capture, read_chunk, repository, rowsets};
use dbb::error::code;
use dbb::model::catalog::Catalog;
use dbb::model::desired::{CheckLevel, Codec};
use dbb::model::manifest::Header;
use dbb::port::storage::{PutMode, Storage};
use dbb::repository::{Damage, Repository};
use dbb::storage::faulty::{Fault, Faulty, How, Operation};
use dbb::storage::memory::MemoryStorage;
use jiff::Timestamp;
use std::sync::Arc;

async fn object_keys(storage: &dyn Storage, header: &Header) -> Vec<String> {
    let listed = storage.list("objects/").await.unwrap();
    let key = |id: &str| listed.iter().find(|entry| entry.key.ends_with(id)).unwrap().key.clone();
    header.objects.iter().map(|object| key(&object.id.to_string())).collect()
}

async fn bytes_of(storage: &dyn Storage, key: &str) -> Vec<u8> {
    storage.get(key, 1 << 30).await.unwrap().unwrap().to_vec()
}

async fn verify(repository: &Repository, header: &Header, level: CheckLevel) -> Vec<Damage> {
    repository.verify(header, level, 2, Arc::new(|_| {})).await.unwrap()
}

/// Reads every chunk of an object; each must be refused before its end is told.
async fn refused(repository: &Repository, header: &Header, catalog: &Catalog, object: u32) -> bool {
    let source = repository.open_snapshot(header).await.unwrap();
    for chunk in catalog.chunks.iter().filter(|chunk| chunk.object == object) {
        match read_chunk(&*source, chunk).await {
            Err(error) if error.code() == code::SNAPSHOT_DAMAGED => {}
            Err(error) => panic!("{error}"),
            Ok(_) => return false,
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn hurt_objects_are_refused() {
    for codec in [Codec::Zstd, Codec::Gzip, Codec::Lz4, Codec::Xz, Codec::None] {
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
        let (repository, header, catalog) = repository(storage.clone(), codec).await;
        let keys = object_keys(&*storage, &header).await;
        for (object, key) in keys.iter().enumerate() {
            let good = bytes_of(&*storage, key).await;
            let other = bytes_of(&*storage, &keys[1 - object]).await;
            let flipped = |at: usize| {
                let mut bytes = good.clone();
                bytes[at] ^= 0x10;
                bytes
            };
            let same_size = vec![0; good.len()];
            let hurt: Vec<(&str, Option<Vec<u8>>, bool)> = vec![
                ("missing", None, true),
                ("empty", Some(Vec::new()), true),
                ("cut by one byte", Some(good[..good.len() - 1].to_vec()), true),
                ("cut in half", Some(good[..good.len() / 2].to_vec()), true),
                ("longer", Some([&good[..], b"x"].concat()), true),
                ("twice", Some([&good[..], &good].concat()), true),
                ("flipped at the start", Some(flipped(0)), false),
                ("flipped in the middle", Some(flipped(good.len() / 2)), false),
                ("flipped at the end", Some(flipped(good.len() - 1)), false),
                ("zeros", Some(same_size), false),
                ("another object", Some(other), true),
            ];
            for (what, bytes, quick) in hurt {
                match bytes {
                    Some(bytes) => drop(storage.put(key, bytes.into(), PutMode::Replace).await.unwrap()),
                    None => storage.delete(key).await.unwrap(),
                }
                assert!(refused(&repository, &header, &catalog, object as u32).await, "{codec:?} {object} {what}");
                let full = verify(&repository, &header, CheckLevel::Full).await;
                assert_eq!(full.len(), 1, "{codec:?} {object} {what}: {full:?}");
                assert_eq!(full[0].object, Some(header.objects[object].id));
                let tables: &[&str] =
                    if object == 0 { &["public.t1", "public.t2", "public.t3"] } else { &["public.t4"] };
                assert_eq!(full[0].tables, tables);
                let seen = verify(&repository, &header, CheckLevel::Quick).await.len();
                assert_eq!(seen, usize::from(quick), "{codec:?} {object} {what} quick");
                storage.put(key, good.clone().into(), PutMode::Replace).await.unwrap();
            }
        }
        assert!(verify(&repository, &header, CheckLevel::Full).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hurt_manifests_are_refused_and_hide_no_other() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let (repository, header, _) = repository(storage.clone(), Codec::Zstd).await;
    let (other, catalog) = capture(&repository, ("shop", "2"), Codec::Zstd, rowsets(0)).await.unwrap();
    repository.put_manifest(&other, &catalog).await.unwrap();
    let keys: Vec<String> = storage.list("snapshots/").await.unwrap().into_iter().map(|entry| entry.key).collect();
    let key = keys.iter().find(|key| key.contains("orders")).unwrap();
    let good = bytes_of(&*storage, key).await;
    let replayed = bytes_of(&*storage, keys.iter().find(|key| key.contains("shop")).unwrap()).await;
    let header_end = good.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;

    let mut hurt: Vec<(String, Vec<u8>)> = vec![("replayed".into(), replayed), ("empty".into(), Vec::new())];
    for at in (0..good.len()).step_by(1.max(good.len() / 150)).chain([header_end - 1, header_end, good.len() - 1]) {
        hurt.push((format!("cut at {at}"), good[..at].to_vec()));
        let mut bytes = good.clone();
        bytes[at] ^= 0x01;
        hurt.push((format!("flipped at {at}"), bytes));
    }
    hurt.push(("longer".into(), [&good[..], b"x"].concat()));
    for (what, bytes) in hurt {
        storage.put(key, bytes.into(), PutMode::Replace).await.unwrap();
        let error = match repository.header("orders", &header.id).await {
            // the header alone does not show what happened to the body
            Ok(found) => {
                assert_eq!(found, header, "{what}");
                let damage = verify(&repository, &header, CheckLevel::Quick).await;
                assert_eq!((damage.len(), damage[0].object), (1, None), "{what}");
                repository.catalog(&header).await.err().unwrap_or_else(|| panic!("{what}"))
            }
            Err(error) => {
                let (headers, damaged) = repository.headers().await.unwrap();
                assert_eq!((headers.len(), damaged.len()), (1, 1), "{what}");
                assert_eq!(headers[0], other);
                error
            }
        };
        let newer = error.code() == code::REPO_NEWER;
        assert!(newer || error.code() == code::SNAPSHOT_DAMAGED, "{what}: {error}");
        assert!(repository.open_snapshot(&header).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn rows_that_are_not_those_captured_hurt_only_their_table() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let repository = Repository::open_or_init(storage, Timestamp::UNIX_EPOCH).await.unwrap();
    let (header, mut catalog) = capture(&repository, ("orders", "1"), Codec::Zstd, rowsets(0)).await.unwrap();
    // as a mistake of the capture would leave it: consistent within itself
    catalog.chunks[1].sum.hash ^= 1;
    catalog.tables[1].sum.hash ^= 1;
    // a chunk that begins within the binary rows
    catalog.chunks[2].offset += 1;
    catalog.chunks[2].bytes -= 1;
    repository.put_manifest(&header, &catalog).await.unwrap();
    assert!(verify(&repository, &header, CheckLevel::Quick).await.is_empty());
    let found = verify(&repository, &header, CheckLevel::Full).await;
    let tables: Vec<&str> = found.iter().flat_map(|damage| &damage.tables).map(String::as_str).collect();
    assert_eq!(tables, ["public.t2", "public.t3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_while_reading_is_not_damage_nor_an_end() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let (_, header, catalog) = repository(storage.clone(), Codec::Zstd).await;
    for (how, code) in [(How::Fail(code::STORAGE_IO), code::STORAGE_IO), (How::Truncate, code::SNAPSHOT_DAMAGED)] {
        for chunk in [&catalog.chunks[0], &catalog.chunks[3]] {
            // reads before these are of the manifest
            let probe = Arc::new(Faulty::new(storage.clone(), Vec::new()));
            Repository::open(probe.clone()).await.unwrap().open_snapshot(&header).await.unwrap();
            let before = probe.calls().iter().filter(|call| **call == Operation::Read).count() as u64;
            for nth in 1..=2 {
                let faults = vec![Fault { operation: Operation::Read, nth: before + nth, how }];
                let faulty: Arc<dyn Storage> = Arc::new(Faulty::new(storage.clone(), faults));
                let source = Repository::open(faulty).await.unwrap().open_snapshot(&header).await.unwrap();
                let result = read_chunk(&*source, chunk).await;
                match result {
                    Err(error) => assert_eq!(error.code(), code, "{how:?}"),
                    // the read that ends a small object fails as the end that it is
                    Ok(bytes) => assert!(matches!(how, How::Truncate) && bytes.len() as u64 == chunk.bytes),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_may_leave_early() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let (repository, header, catalog) = repository(storage, Codec::Zstd).await;
    let source = repository.open_snapshot(&header).await.unwrap();
    for _ in 0..100 {
        let mut reader = source.chunk(&catalog.chunks[3]).await.unwrap();
        assert!(reader.read().await.unwrap().is_some());
    }
    assert_eq!(read_chunk(&*source, &catalog.chunks[3]).await.unwrap().len() as u64, catalog.chunks[3].bytes);
}
