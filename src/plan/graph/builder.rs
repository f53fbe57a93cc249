//! The growing graph.

use crate::error::{Error, Result};
use crate::model::graph::{Edge, Graph};
use crate::model::step::Step;
use crate::plan::graph::cycle;
use std::collections::HashMap;

/// A step of the growing graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub(crate) u32);

/// The growing graph.
#[derive(Default)]
pub struct Builder {
    steps: Vec<Step>,
    nodes: HashMap<String, Node>,
    /// Before, after, and whether only the end is waited for.
    edges: Vec<(Node, Node, bool)>,
}

impl Builder {
    /// Adds a step. When another one has its id, a number is put behind: names
    /// such as those of overloaded operators need not be unique.
    pub fn add(&mut self, mut step: Step) -> Node {
        if self.nodes.contains_key(&step.id) {
            let free = (2..).map(|n: u32| format!("{}#{n}", step.id)).find(|id| !self.nodes.contains_key(id));
            step.id = free.unwrap_or_default();
        }
        let node = Node(self.steps.len() as u32);
        self.nodes.insert(step.id.clone(), node);
        self.steps.push(step);
        node
    }

    /// `after` needs the effect of `before`: if that fails, it is skipped.
    pub fn needs(&mut self, after: Node, before: Node) {
        self.edges.push((before, after, false));
    }

    /// `after` waits for the end of `before`, whether it went well or not.
    pub fn waits(&mut self, after: Node, before: Node) {
        self.edges.push((before, after, true));
    }

    /// The step behind a node.
    pub fn step(&self, node: Node) -> &Step {
        &self.steps[node.0 as usize]
    }

    /// The step behind a node, to change it.
    pub fn step_mut(&mut self, node: Node) -> &mut Step {
        &mut self.steps[node.0 as usize]
    }

    /// All nodes added since there were `count` of them.
    pub fn since(&self, count: usize) -> impl Iterator<Item = Node> + use<> {
        (count as u32..self.steps.len() as u32).map(Node)
    }

    /// How many steps there are.
    pub fn count(&self) -> usize {
        self.steps.len()
    }

    /// For each node, whether it needs another one that was added since there were `count`.
    pub fn has_needs_since(&self, count: usize) -> Vec<bool> {
        let mut has = vec![false; self.steps.len()];
        for (before, after, whatever) in &self.edges {
            if !whatever && before.0 as usize >= count {
                has[after.0 as usize] = true;
            }
        }
        has
    }

    /// For each node, whether any other waits for its end, and whether any needs it.
    pub fn followers(&self) -> Vec<Followers> {
        let mut followers = vec![Followers::default(); self.steps.len()];
        for (before, _, whatever) in &self.edges {
            let of = &mut followers[before.0 as usize];
            of.waited_for = true;
            of.needed |= !whatever;
        }
        followers
    }

    /// The finished graph: sorted, each edge once (needing wins over waiting).
    ///
    /// # Errors
    /// `DBB-PLAN-CYCLE` with the path of a circle.
    pub fn finish(mut self) -> Result<Graph> {
        if u32::try_from(self.steps.len()).is_err() {
            return Err(Error::bug("a graph has more steps than can be counted"));
        }
        self.edges.sort_unstable();
        self.edges.dedup_by_key(|(before, after, _)| (*before, *after));
        cycle::untie(&self.steps, &mut self.edges)?;
        let id = |node: Node| self.steps[node.0 as usize].id.clone();
        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .map(|&(before, after, whatever)| Edge { before: id(before), after: id(after), whatever })
            .collect();
        edges.sort_unstable();
        self.steps.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(Graph { steps: self.steps, edges })
    }
}

/// What comes after a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Followers {
    /// Some step waits for its end.
    pub waited_for: bool,
    /// Some step needs its effect.
    pub needed: bool,
}
