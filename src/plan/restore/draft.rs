//! The restore of one database while its part of the graph grows: what the
//! transforms share.

use crate::model::catalog::SchemaEntry;
use crate::model::desired::VerifyMode;
use crate::model::step::{Action, DefineForm, RestoreAction, RestoreSpec, Step};
use crate::plan::graph::{Builder, Node};
use crate::plan::restore::shape::Shape;
use crate::port::engine::Capabilities;
use std::collections::BTreeMap;

/// Nodes by the id of the table entry (or view) that they belong to.
pub type ByTable = BTreeMap<u32, Vec<Node>>;

/// The steps that make an entry: the same one twice when there is only one.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Starts it: must come after all that the entry depends on.
    pub first: Node,
    /// After it, the entry exists.
    pub last: Node,
}

/// The part of one database.
pub struct Draft<'a> {
    /// Key of the restore: the database's name in the config.
    pub key: &'a str,
    /// What is restored.
    pub shape: &'a Shape<'a>,
    /// Where to and how.
    pub spec: &'a RestoreSpec,
    /// How it is proven.
    pub verify: VerifyMode,
    /// What the engine can do.
    pub capabilities: Capabilities,
    /// In how many lanes the work on small tables is dealt out.
    pub shards: u32,
    /// The graph of the whole plan.
    pub graph: &'a mut Builder,
    /// Number of steps before this database's.
    pub start: usize,
    /// Checks the snapshot.
    pub check: Node,
    /// Steps that create roles, by the role's name in the snapshot.
    pub roles: &'a BTreeMap<String, Node>,
    /// Steps that grant memberships.
    pub memberships: &'a [Node],
    /// Steps about what holds for the whole server.
    pub server_settings: &'a [Node],
    /// Creates the database.
    pub create: Option<Node>,
    /// Steps by entry.
    pub made: BTreeMap<u32, Made>,
    /// The definition before the rows that waits for all others.
    pub closing: Option<Node>,
    /// Comments and labels made before the rows.
    pub remarks: ByTable,
    /// What to wait for until a table's rows are in, by the table's id.
    pub loads: BTreeMap<u32, Vec<Node>>,
    /// Loads that wait for all others.
    pub late_loads: Vec<Node>,
    /// Sets the sequences after all ordinary loads.
    pub sequences: Option<Node>,
    /// Builds of indexes: they tolerate each other.
    pub builds: ByTable,
    /// Constraints and attachments: they want the table for themselves.
    pub alters: ByTable,
    /// Foreign keys, at both ends.
    pub foreign_keys: ByTable,
    /// Checks of foreign keys, at the referencing end.
    pub checks: ByTable,
    /// Reading back.
    pub read_backs: ByTable,
    /// Triggers, rules, policies and the like.
    pub attached: ByTable,
    /// The last of the grants.
    pub granted: Option<Node>,
}

impl Draft<'_> {
    /// A step of this database.
    pub fn step(&self, verb: &str, name: &str, action: RestoreAction) -> Step {
        let database = crate::plan::id_part(self.key);
        let id = match name {
            "" => format!("restore.{database}/{verb}"),
            name => format!("restore.{database}/{verb}/{}", crate::plan::id_part(name)),
        };
        Step {
            id,
            unit: self.key.to_owned(),
            action: Action::Restore { restore: self.key.to_owned(), action },
            bytes: 0,
            order: 0,
            lane: None,
            batch: None,
            session: None,
        }
    }

    /// A step that makes an entry, or one form of it.
    pub fn define(&self, entry: &SchemaEntry, form: DefineForm) -> Step {
        let verb = match form {
            DefineForm::Whole | DefineForm::UsingIndex | DefineForm::NotValid => word(&entry.what),
            DefineForm::Validate => "validate".into(),
            DefineForm::UniqueIndex => "unique-index".into(),
        };
        let mut step = self.step(&verb, &entry.display(), RestoreAction::Define { entry: entry.id, form });
        step.order = self.shape.position(entry.id);
        step
    }

    /// Adds the one step that makes all of an entry.
    pub fn make(&mut self, entry: &SchemaEntry, step: Step) -> Node {
        let node = self.graph.add(step);
        self.made.insert(entry.id, Made { first: node, last: node });
        node
    }

    /// The lane of definitions, which is also their batch: they touch the same catalogs.
    pub fn ddl(&self, step: Step) -> Step {
        let lane = format!("ddl/{}", self.key);
        Step { lane: Some(lane.clone()), batch: Some(lane), ..step }
    }

    /// The lane of work that needs a table's lock. Small tables share a few lanes, and
    /// those are batches, too: one transaction does the work of many of them.
    pub fn lane(&self, table: u32) -> (String, bool) {
        let small = self.shape.is_small(table);
        let lane = match small {
            true => format!("small/{}/{}", self.key, self.shape.position(table) % self.shards),
            false => format!("table/{}/{table}", self.key),
        };
        (lane, small)
    }

    /// `step` in the lane of `table`, batched when the table is small.
    pub fn in_lane(&self, step: Step, table: u32) -> Step {
        let (lane, small) = self.lane(table);
        Step { batch: small.then(|| lane.clone()), lane: Some(lane), ..step }
    }

    /// Steps after which all rows of `table` are in (and of its partitions).
    pub fn rows_in(&self, table: u32) -> Vec<Node> {
        let tables = self.shape.rows_of(table);
        tables.iter().filter_map(|table| self.loads.get(&table.id)).flatten().copied().collect()
    }

    /// Index builds, constraints and attachments of `table` and its partitions.
    pub fn indexed(&self, table: u32) -> Vec<Node> {
        let family = self.shape.partitions.family(table);
        let of = |by: &ByTable| -> Vec<Node> { family.iter().filter_map(|id| by.get(id)).flatten().copied().collect() };
        let mut nodes = of(&self.builds);
        nodes.extend(of(&self.alters));
        nodes
    }

    /// `node` needs the rows of `table`.
    pub fn needs_rows(&mut self, node: Node, table: u32) {
        for load in self.rows_in(table) {
            self.graph.needs(node, load);
        }
    }

    /// `node` waits for the end of all of `before`.
    pub fn waits_for(&mut self, node: Node, before: impl IntoIterator<Item = Node>) {
        for before in before {
            if before != node {
                self.graph.waits(node, before);
            }
        }
    }
}

/// Nodes of one table.
pub fn of(by: &ByTable, table: u32) -> Vec<Node> {
    by.get(&table).cloned().unwrap_or_default()
}

/// The engine's word for an entry as part of an id.
fn word(what: &str) -> String {
    what.to_ascii_lowercase().replace([' ', '/'], "-")
}
