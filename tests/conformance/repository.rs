//! What a repository promises when nothing is broken, and the order of its writes.

use crate::sample::{Rowset, capture, read_chunk, repository, rowsets, rowsets_for, store, text_rows};
use bytes::Bytes;
use dbb::error::code;
use dbb::model::desired::{CheckLevel, Codec};
use dbb::port::storage::{PutMode, Storage};
use dbb::repository::Repository;
use dbb::storage::faulty::{Fault, Faulty, How, Operation};
use dbb::storage::local::LocalStorage;
use dbb::storage::memory::MemoryStorage;
use jiff::Timestamp;
use std::sync::Arc;

const CODECS: [Codec; 5] = [Codec::Zstd, Codec::Gzip, Codec::Lz4, Codec::Xz, Codec::None];

fn memory() -> Arc<dyn Storage> {
    Arc::new(MemoryStorage::default())
}

async fn damages(repository: &Repository, header: &dbb::model::manifest::Header) -> usize {
    repository.verify(header, CheckLevel::Full, 2, Arc::new(|_| {})).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_captured_comes_back_with_every_codec() {
    for codec in CODECS {
        let storage = memory();
        let (_, header, catalog) = repository(storage.clone(), codec).await;
        let opened = Repository::open(storage).await.unwrap();
        assert_eq!(opened.header("orders", &header.id).await.unwrap(), header);
        let source = opened.open_snapshot(&header).await.unwrap();
        assert_eq!(*source.catalog(), catalog);
        let expected = rowsets_for(codec).into_iter().flatten();
        for (chunk, rowset) in catalog.chunks.iter().zip(expected) {
            assert!(read_chunk(&*source, chunk).await.unwrap() == rowset.bytes, "{codec:?} table {}", rowset.table);
        }
        assert_eq!(damages(&opened, &header).await, 0);
        assert!(opened.verify(&header, CheckLevel::Quick, 2, Arc::new(|_| {})).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_in_the_middle_of_a_large_object_is_cut_out() {
    let (repository, header, catalog) = repository(memory(), Codec::Zstd).await;
    let source = repository.open_snapshot(&header).await.unwrap();
    let mut chunk = catalog.chunks[3].clone();
    let whole = read_chunk(&*source, &chunk).await.unwrap();
    (chunk.offset, chunk.bytes) = (300_000, 5_000_001);
    assert!(read_chunk(&*source, &chunk).await.unwrap() == whole[300_000..5_300_001]);
    chunk.bytes = 0;
    assert!(read_chunk(&*source, &chunk).await.unwrap().is_empty());
    chunk.bytes = u64::MAX;
    assert_eq!(read_chunk(&*source, &chunk).await.unwrap_err().code(), code::SNAPSHOT_DAMAGED);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_chunks_of_one_object_read_it_once() {
    let storage = memory();
    let (_, header, catalog) = repository(storage.clone(), Codec::Zstd).await;
    let counted = Arc::new(Faulty::new(storage, Vec::new()));
    let source = Repository::open(counted.clone()).await.unwrap().open_snapshot(&header).await.unwrap();
    let opens = || counted.calls().iter().filter(|call| **call == Operation::Open).count();
    let before = opens();
    let reads = (0..30).map(|n| {
        let (source, chunk) = (source.clone(), catalog.chunks[n % 3].clone());
        tokio::spawn(async move { read_chunk(&*source, &chunk).await.unwrap().len() as u64 == chunk.bytes })
    });
    for read in reads.collect::<Vec<_>>() {
        assert!(read.await.unwrap());
    }
    assert_eq!(opens() - before, 1);
}

#[tokio::test]
async fn objects_are_synced_before_the_manifest_names_them() {
    let storage = memory();
    let counted = Arc::new(Faulty::new(storage.clone(), Vec::new()));
    repository(counted.clone(), Codec::Zstd).await;
    let calls = counted.calls();
    let last = |operation| calls.iter().rposition(|call| *call == operation).unwrap();
    assert!(last(Operation::Publish) < last(Operation::Sync) && last(Operation::Sync) < last(Operation::Put));

    // a sync that fails leaves no manifest
    let faults = vec![Fault { operation: Operation::Sync, nth: 1, how: How::Fail(code::STORAGE_IO) }];
    let faulty = Arc::new(Faulty::new(storage, faults));
    let repository = Repository::open(faulty).await.unwrap();
    let (header, catalog) =
        capture(&repository, ("other", "20261120T020000Z-2"), Codec::Zstd, rowsets(1)).await.unwrap();
    assert_eq!(repository.put_manifest(&header, &catalog).await.unwrap_err().code(), code::STORAGE_IO);
    assert_eq!(repository.find(&header.id).await.unwrap_err().code(), code::SNAPSHOT_UNKNOWN);
}

#[tokio::test]
async fn a_manifest_whose_answer_got_lost_can_be_put_again_but_no_other() {
    let storage = memory();
    // the first put is the repository's own file
    let faults = vec![Fault { operation: Operation::Put, nth: 2, how: How::FailAfter(code::STORAGE_IO) }];
    let repository =
        Repository::open_or_init(Arc::new(Faulty::new(storage, faults)), Timestamp::UNIX_EPOCH).await.unwrap();
    let (header, catalog) = capture(&repository, ("orders", "1"), Codec::Zstd, rowsets(0)).await.unwrap();
    assert_eq!(repository.put_manifest(&header, &catalog).await.unwrap_err().code(), code::STORAGE_IO);
    repository.put_manifest(&header, &catalog).await.unwrap();
    let (other, catalog) = capture(&repository, ("orders", "1"), Codec::Zstd, rowsets(1)).await.unwrap();
    assert_eq!(repository.put_manifest(&other, &catalog).await.unwrap_err().code(), code::SNAPSHOT_DAMAGED);
    assert_eq!(repository.header("orders", "1").await.unwrap(), header);
}

#[tokio::test]
async fn snapshots_are_found_in_order_and_by_prefix() {
    let storage = memory();
    let (repository, first, _) = repository(storage.clone(), Codec::Zstd).await;
    for (database, id) in [("orders", "20261121T020000Z-9"), ("../shop", "20261122T020000Z-4")] {
        let rows =
            vec![vec![Rowset { table: 1, format: dbb::model::catalog::RowFormat::Text, bytes: text_rows(9, 500) }]];
        let (header, catalog) = capture(&repository, (database, id), Codec::Zstd, rows).await.unwrap();
        repository.put_manifest(&header, &catalog).await.unwrap();
    }
    let (headers, damaged) = repository.headers().await.unwrap();
    let ids: Vec<&str> = headers.iter().map(|header| header.id.as_str()).collect();
    assert_eq!(ids, ["20261120T020000Z-1", "20261122T020000Z-4", "20261121T020000Z-9"], "by the time they were taken");
    assert!(damaged.is_empty());
    assert_eq!(repository.headers_of("orders").await.unwrap().0.len(), 2);
    assert_eq!(repository.find("20261120").await.unwrap(), first);
    assert_eq!(repository.find("20261122").await.unwrap().database, "../shop");
    for unclear in ["202611", "", "x", "../"] {
        assert_eq!(repository.find(unclear).await.unwrap_err().code(), code::SNAPSHOT_UNKNOWN, "{unclear}");
    }
}

#[tokio::test]
async fn what_is_there_is_not_stored_again_whatever_the_codec() {
    let storage = memory();
    let (repository, header, _) = repository(storage.clone(), Codec::Zstd).await;
    let objects = storage.list("objects/").await.unwrap();
    let plain: Vec<u8> = rowsets(0).remove(0).into_iter().flat_map(|rowset| rowset.bytes).collect();
    let again = store(&repository, Codec::Gzip, &plain).await.unwrap();
    assert!(again.shared);
    assert_eq!(again.object, header.objects[0], "as it is stored, not as it would have been");
    assert_eq!(storage.list("objects/").await.unwrap(), objects);
}

#[tokio::test]
async fn objects_of_a_run_that_died_are_taken_over_only_when_they_prove_right() {
    let storage = memory();
    let first = Repository::open_or_init(storage.clone(), Timestamp::UNIX_EPOCH).await.unwrap();
    let plain = text_rows(1, 200_000);
    for codec in [Codec::Zstd, Codec::None] {
        let left = store(&first, codec, &plain).await.unwrap();
        assert!(!left.shared);
        // another process, which knows of no manifest that names it, with another codec
        let second = Repository::open(storage.clone()).await.unwrap();
        let taken = store(&second, Codec::Lz4, &plain).await.unwrap();
        assert_eq!((taken.shared, &taken.object), (true, &left.object));

        let key = storage.list("objects/").await.unwrap().remove(0).key;
        let torn = storage.get(&key, 1 << 20).await.unwrap().unwrap().slice(..5000);
        storage.put(&key, torn, PutMode::Replace).await.unwrap();
        let third = Repository::open(storage.clone()).await.unwrap();
        let error = store(&third, codec, &plain).await.unwrap_err();
        assert!(error.is_transient() && error.code() == code::STORAGE_IO);
        assert!(!store(&third, codec, &plain).await.unwrap().shared, "the torn one is gone, the next try stores anew");
        storage.delete(&key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_backups_at_once_share_what_they_can() {
    let folder = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..5)
        .map(|n| {
            let path = folder.path().join("repo");
            tokio::spawn(async move {
                let storage: Arc<dyn Storage> = Arc::new(LocalStorage::new(path));
                let repository = Repository::open_or_init(storage, Timestamp::UNIX_EPOCH).await.unwrap();
                let id = format!("20261120T020000Z-{n}");
                let name = ("-rf ../ käse", id.as_str());
                let (header, catalog) = capture(&repository, name, Codec::Zstd, rowsets(0)).await.unwrap();
                repository.put_manifest(&header, &catalog).await.unwrap();
                repository.info().id.clone()
            })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "of five who come at once one makes the repository");
    let storage: Arc<dyn Storage> = Arc::new(LocalStorage::new(folder.path().join("repo")));
    let repository = Repository::open(storage.clone()).await.unwrap();
    let (headers, damaged) = repository.headers().await.unwrap();
    assert_eq!((headers.len(), damaged.len()), (5, 0));
    assert_eq!(storage.list("objects/").await.unwrap().len(), 2);
    for header in &headers {
        assert_eq!(damages(&repository, header).await, 0);
    }
}

#[tokio::test]
async fn a_place_is_what_it_says() {
    let missing = Repository::open(memory()).await.err().unwrap();
    assert_eq!(missing.code(), code::REPO_MISSING);

    let storage = memory();
    storage.put("holiday.jpg", Bytes::from_static(b"jpg"), PutMode::Create).await.unwrap();
    let looked = Repository::exists(&storage).await.err().unwrap();
    let foreign = Repository::open_or_init(storage, Timestamp::UNIX_EPOCH).await.err().unwrap();
    assert_eq!((looked.code(), foreign.code()), (code::REPO_FOREIGN, code::REPO_FOREIGN));

    let storage = memory();
    repository(storage.clone(), Codec::Zstd).await;
    let key = "dbb-repository.json";
    let good = storage.get(key, 10_000).await.unwrap().unwrap();
    let text = String::from_utf8(good.to_vec()).unwrap();
    for (bad, code) in [
        (text[..20].to_owned(), code::REPO_DAMAGED),
        (String::new(), code::REPO_DAMAGED),
        (text.replace("\"version\": 1", "\"version\": 2"), code::REPO_NEWER),
        (text.replace("\"version\": 1", "\"version\": 0"), code::REPO_DAMAGED),
        (text.replace("dbb-repository", "other"), code::REPO_FOREIGN),
        (text.replace("id_key", "key"), code::REPO_DAMAGED),
    ] {
        storage.put(key, bad.clone().into(), PutMode::Replace).await.unwrap();
        assert_eq!(Repository::open(storage.clone()).await.err().unwrap().code(), code, "{bad}");
        let init = Repository::open_or_init(storage.clone(), Timestamp::UNIX_EPOCH).await.err().unwrap();
        assert_eq!(init.code(), code, "never made anew over it: {bad}");
    }
    storage.delete(key).await.unwrap();
    for lost in [
        Repository::exists(&storage).await.err().unwrap(),
        Repository::open(storage.clone()).await.err().unwrap(),
        Repository::open_or_init(storage.clone(), Timestamp::UNIX_EPOCH).await.err().unwrap(),
    ] {
        assert_eq!(lost.code(), code::REPO_DAMAGED, "snapshots without the file: not a fresh place");
    }

    // as docs/format.md says: any manifest's first line has the key
    let manifest = storage.list("snapshots/").await.unwrap().remove(0).key;
    let bytes = storage.get(&manifest, 1 << 30).await.unwrap().unwrap();
    let line: serde_json::Value = serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    let again = serde_json::json!({"format": "dbb-repository", "version": 1, "id": "new",
        "created": "2026-11-20T02:00:00Z", "id_key": line["id_key"]});
    storage.put(key, again.to_string().into(), PutMode::Create).await.unwrap();
    let repository = Repository::open(storage.clone()).await.unwrap();
    let header = repository.find("20261120").await.unwrap();
    assert_eq!(damages(&repository, &header).await, 0);

    // a manifest that came from another repository cannot be proven with this one's key
    let text = String::from_utf8(storage.get(key, 10_000).await.unwrap().unwrap().to_vec()).unwrap();
    let other = text.replace(line["id_key"].as_str().unwrap(), &"ab".repeat(32));
    storage.put(key, other.into(), PutMode::Replace).await.unwrap();
    let (headers, damaged) = Repository::open(storage).await.unwrap().headers().await.unwrap();
    assert_eq!((headers.len(), damaged.len()), (0, 1));
}

#[tokio::test]
async fn what_contradicts_itself_is_not_committed() {
    let storage = memory();
    let repository = Repository::open_or_init(storage.clone(), Timestamp::UNIX_EPOCH).await.unwrap();
    let (header, catalog) = capture(&repository, ("orders", "1"), Codec::Zstd, rowsets(0)).await.unwrap();
    let mut sums = catalog.clone();
    sums.tables[0].sum.rows += 1;
    let mut beyond = catalog.clone();
    beyond.chunks[0].bytes = u64::MAX;
    let mut object = catalog.clone();
    object.chunks[0].object = 7;
    let mut table = catalog;
    table.tables.remove(0);
    for wrong in [sums, beyond, object, table] {
        assert_eq!(repository.put_manifest(&header, &wrong).await.unwrap_err().code(), code::SNAPSHOT_DAMAGED);
    }
    assert!(storage.list("snapshots/").await.unwrap().is_empty());
}
