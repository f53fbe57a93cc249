//! Cuts a database's data into parts: stable from one snapshot to the next, so that
//! what did not change is the same object again.

use crate::base::limits;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// A table as cutting needs to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The table's oid: also its id in the catalog.
    pub oid: u32,
    /// For people.
    pub label: String,
    /// Bytes of rows and TOAST.
    pub bytes: u64,
    /// Blocks of the main fork.
    pub blocks: u64,
    /// It can be read by block ranges.
    pub divisible: bool,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Whole tables, one chunk each.
    Tables(Vec<u32>),
    /// Blocks of one table; the last range has no end.
    Blocks {
        /// The table.
        table: u32,
        /// First block.
        from: u64,
        /// The block behind the last.
        to: Option<u64>,
    },
    /// Large objects: a range of the sorted oids.
    LargeObjects(Range<usize>),
}

/// A part and what it weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// For people.
    pub label: String,
    /// About how many bytes.
    pub bytes: u64,
    /// What it holds.
    pub content: Content,
}

/// One in so many small tables ends its bundle, whatever comes before it: so the cuts
/// behind a table that was added or dropped stay where they were.
const BUNDLE_CUT_ONE_IN: u64 = 32;
/// The same for large objects, from half a group on.
const LARGE_OBJECT_CUT_ONE_IN: u64 = 256;

/// Cuts tables, in the order of their oids, and large objects, by their sorted oids. Largest parts first.
pub fn cut(tables: &[Extent], large_objects: &[u32], large_object_bytes: u64) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut bundle: Vec<&Extent> = Vec::new();
    for table in tables {
        if table.bytes <= limits::SMALL_TABLE_BYTES_MAX {
            let bytes: u64 = bundle.iter().map(|table| table.bytes).sum();
            if bytes + table.bytes > limits::BUNDLE_BYTES_MAX || bundle.len() >= limits::BUNDLE_TABLES_MAX {
                close(&mut bundle, &mut cuts);
            }
            bundle.push(table);
            if ends_group(table.oid, BUNDLE_CUT_ONE_IN) {
                close(&mut bundle, &mut cuts);
            }
        } else {
            divide(table, &mut cuts);
        }
    }
    close(&mut bundle, &mut cuts);
    let each = large_object_bytes.checked_div(large_objects.len() as u64).unwrap_or(0);
    for group in groups(large_objects) {
        let count = group.len();
        cuts.push(Cut {
            label: format!("{count} large objects from {}", large_objects[group.start]),
            bytes: each * count as u64,
            content: Content::LargeObjects(group),
        });
    }
    // stable: parts of one table stay in order
    cuts.sort_by_key(|cut| std::cmp::Reverse(cut.bytes));
    cuts
}

fn ends_group(oid: u32, one_in: u64) -> bool {
    xxh3_64(&oid.to_be_bytes()).is_multiple_of(one_in)
}

fn close(bundle: &mut Vec<&Extent>, cuts: &mut Vec<Cut>) {
    let label = match bundle.as_slice() {
        [] => return,
        [one] => one.label.clone(),
        [first, .., last] => format!("{} tables, {} to {}", bundle.len(), first.label, last.label),
    };
    cuts.push(Cut {
        label,
        bytes: bundle.iter().map(|table| table.bytes).sum(),
        content: Content::Tables(bundle.iter().map(|table| table.oid).collect()),
    });
    bundle.clear();
}

/// Blocks in a chunk of a table: a power of two, so that it changes rarely as the table grows.
fn blocks_per_chunk(table: &Extent) -> u64 {
    let per_block = (table.bytes / table.blocks.max(1)).max(1);
    let blocks = (limits::CHUNK_BYTES_TARGET / per_block).max(1);
    // the power of two next to it: free space and visibility maps must not tip it over
    1 << (blocks * 4 / 3).ilog2()
}

fn divide(table: &Extent, cuts: &mut Vec<Cut>) {
    let step = blocks_per_chunk(table);
    if !table.divisible || table.blocks <= step {
        cuts.push(Cut { label: table.label.clone(), bytes: table.bytes, content: Content::Tables(vec![table.oid]) });
        return;
    }
    let count = table.blocks.div_ceil(step);
    for number in 0..count {
        let from = number * step;
        let to = from + step;
        let blocks = to.min(table.blocks) - from;
        cuts.push(Cut {
            label: format!("{} {}/{count}", table.label, number + 1),
            bytes: (u128::from(table.bytes) * u128::from(blocks) / u128::from(table.blocks)) as u64,
            content: Content::Blocks { table: table.oid, from, to: (number + 1 < count).then_some(to) },
        });
    }
}

/// Ranges of sorted oids of large objects.
fn groups(oids: &[u32]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    for (position, oid) in oids.iter().enumerate() {
        let length = position + 1 - start;
        let full = length >= limits::LARGE_OBJECTS_PER_PART;
        let marked = length >= limits::LARGE_OBJECTS_PER_PART / 2 && ends_group(*oid, LARGE_OBJECT_CUT_ONE_IN);
        if full || marked {
            groups.push(start..position + 1);
            start = position + 1;
        }
    }
    if start < oids.len() {
        groups.push(start..oids.len());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(oid: u32, bytes: u64) -> Extent {
        Extent { oid, label: format!("t{oid}"), bytes, blocks: bytes / 8192, divisible: true }
    }

    #[test]
    fn a_big_table_is_cut_in_fixed_multiples_with_an_open_end() {
        let cuts = cut(&[extent(1, 100 << 20)], &[], 0);
        let ranges: Vec<_> = cuts.iter().map(|cut| cut.content.clone()).collect();
        let block = |from, to| Content::Blocks { table: 1, from, to };
        assert_eq!(
            ranges,
            [block(0, Some(4096)), block(4096, Some(8192)), block(8192, Some(12288)), block(12288, None)]
        );
        // half of it is TOAST: half the blocks a chunk
        let toasted = Extent { blocks: (100 << 20) / 8192 / 2, ..extent(1, 100 << 20) };
        assert!(cut(&[toasted], &[], 0).iter().any(|cut| cut.content == block(2048, Some(4096))));
    }

    #[test]
    fn a_table_without_block_ranges_stays_whole() {
        let whole = Extent { divisible: false, ..extent(1, 100 << 20) };
        assert_eq!(cut(&[whole], &[], 0)[0].content, Content::Tables(vec![1]));
    }

    #[test]
    fn a_new_small_table_moves_few_cuts() {
        let before: Vec<Extent> = (1..2000).map(|oid| extent(oid, 8192)).collect();
        let after: Vec<Extent> = before.iter().filter(|table| table.oid != 700).cloned().collect();
        let (before, after) = (cut(&before, &[], 0), cut(&after, &[], 0));
        let same = after.iter().filter(|cut| before.iter().any(|old| old.content == cut.content)).count();
        assert!(after.len() - same <= 3, "{} of {} moved", after.len() - same, after.len());
    }

    proptest! {
        #[test]
        fn everything_is_in_exactly_one_part(sizes in proptest::collection::vec(0u64..200 << 20, 0..60), large in 0u32..5000) {
            let tables: Vec<Extent> = sizes.iter().enumerate().map(|(i, bytes)| extent(i as u32 + 1, *bytes)).collect();
            let oids: Vec<u32> = (10_000..10_000 + large).collect();
            let mut whole = Vec::new();
            let mut ranges: std::collections::BTreeMap<u32, Vec<(u64, Option<u64>)>> = Default::default();
            let mut objects = Vec::new();
            for cut in cut(&tables, &oids, u64::from(large) * 10) {
                match cut.content {
                    Content::Tables(tables) => {
                        prop_assert!(tables.len() <= limits::BUNDLE_TABLES_MAX);
                        whole.extend(tables);
                    }
                    Content::Blocks { table, from, to } => ranges.entry(table).or_default().push((from, to)),
                    Content::LargeObjects(group) => {
                        prop_assert!(group.len() <= limits::LARGE_OBJECTS_PER_PART);
                        objects.extend(group);
                    }
                }
            }
            for (table, mut parts) in ranges {
                parts.sort();
                whole.push(table);
                prop_assert_eq!(parts[0].0, 0);
                prop_assert!(parts.windows(2).all(|pair| pair[0].1 == Some(pair[1].0)));
                prop_assert_eq!(parts[parts.len() - 1].1, None);
            }
            whole.sort_unstable();
            prop_assert_eq!(whole, (1..=tables.len() as u32).collect::<Vec<_>>());
            objects.sort_unstable();
            prop_assert_eq!(objects, (0..oids.len()).collect::<Vec<_>>());
        }
    }
}
