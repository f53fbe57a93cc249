//! What the restore of one database is made of. Each transform adds its steps
//! and the edges that it answers for; the order is that in which they can find
//! what earlier ones added, not the order in which steps run.

use crate::plan::restore::draft::Draft;
use crate::plan::restore::{
    analyze, attached, constraints, database, definitions, foreign_keys, grants, indexes, large_objects, last, loads,
    refresh, sequences, verify,
};

/// A transform.
pub type Transform = fn(&mut Draft);

/// All of them, in order.
pub const ALL: &[(&str, Transform)] = &[
    // drops what is to be replaced, creates the database: after the roles
    ("database", database::create),
    // everything that exists before rows, by its true dependencies, in one lane
    ("definitions", definitions::early),
    // what is said about those: no lock of theirs may meet an index build later
    ("early comments", definitions::early_comments),
    // rows, as soon as their own table is there
    ("loads", loads::add),
    // large objects, which belong to no table
    ("large objects", large_objects::add),
    // where sequences stand; also the point where all ordinary rows are in
    ("sequences", sequences::add),
    // rows whose checks read other tables, after that point
    ("late loads", loads::late),
    // all indexes of a table side by side, as soon as its rows are in
    ("indexes", indexes::add),
    // constraints one after the other once no index of the table is being built
    ("constraints", constraints::add),
    // indexes of partitions find their parents
    ("index attachments", constraints::attach),
    // foreign keys when both ends are complete: first all unchecked, then the checks
    ("foreign keys", foreign_keys::add),
    // views that rely on a primary key, and what relies on them
    ("late definitions", definitions::late),
    // rows are read back and compared, before a policy could hide any
    ("verify", verify::add),
    // triggers, rules, policies, statistics, publications: nothing of it acts on a load
    ("attached", attached::add),
    // planner statistics
    ("analyze", analyze::add),
    // privileges, when nothing is left that could be hindered by them
    ("grants", grants::add),
    // materialized views in the order in which they read each other
    ("refresh", refresh::add),
    // event triggers, which would fire on everything above
    ("event triggers", last::event_triggers),
    // every entry after the entries that it depends on
    ("dependencies", definitions::dependencies),
    // what nothing else holds back waits for the database to exist
    ("roots", database::roots),
    // event triggers and the database's own properties after all that
    ("properties", last::properties),
    // the durable end: only when everything went well, for a resume needs the progress table
    ("finish", last::finish),
];
