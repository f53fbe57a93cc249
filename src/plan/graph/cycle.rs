//! No step may wait for itself, however long the way round.

use crate::error::{Error, Result, code};
use crate::model::step::Step;
use crate::plan::graph::Node;
use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// Steps of a circle that an error names at most.
const PATH_STEPS_MAX: usize = 20;

/// Takes out of every circle the edges that only wait: they keep steps out of each other's way, and where the
/// objects' own dependencies say otherwise, those count. An index whose function needs the table's
/// primary key cannot be built before it.
///
/// # Errors
/// `DBB-PLAN-CYCLE` when a circle is left: the shortest one through the first step that is on one.
pub fn untie(steps: &[Step], edges: &mut Vec<(Node, Node, bool)>) -> Result<()> {
    let graph = graph(steps.len(), edges);
    if toposort(&graph, None).is_ok() {
        return Ok(());
    }
    let group_of = groups(&graph);
    edges.retain(|(before, after, whatever)| {
        let (before, after) = (group_of.get(&before.0), group_of.get(&after.0));
        !whatever || before.is_none() || before != after
    });
    check(steps, edges)
}

fn graph(steps: usize, edges: &[(Node, Node, bool)]) -> DiGraph<(), ()> {
    let mut graph = DiGraph::<(), ()>::with_capacity(steps, edges.len());
    for _ in 0..steps {
        graph.add_node(());
    }
    for (before, after, _) in edges {
        graph.add_edge(NodeIndex::new(before.0 as usize), NodeIndex::new(after.0 as usize), ());
    }
    graph
}

/// Steps that are on circles, with the number of the circles' group.
fn groups(graph: &DiGraph<(), ()>) -> HashMap<u32, usize> {
    let groups = tarjan_scc(graph).into_iter().enumerate();
    let tied = groups.filter(|(_, group)| group.len() > 1 || group.iter().any(|&node| graph.contains_edge(node, node)));
    tied.flat_map(|(number, group)| group.into_iter().map(move |node| (node.index() as u32, number))).collect()
}

fn check(steps: &[Step], edges: &[(Node, Node, bool)]) -> Result<()> {
    let graph = graph(steps.len(), edges);
    if toposort(&graph, None).is_ok() {
        return Ok(());
    }
    let on_circle: Vec<NodeIndex> = groups(&graph).into_keys().map(|node| NodeIndex::new(node as usize)).collect();
    let first = on_circle.iter().copied().min_by_key(|node| &steps[node.index()].id);
    let path = first.map(|first| circle(&graph, first)).unwrap_or_default();
    let mut names: Vec<&str> = path.iter().map(|node| steps[node.index()].id.as_str()).collect();
    if names.len() > PATH_STEPS_MAX {
        names.truncate(PATH_STEPS_MAX);
        names.push("...");
    }
    Err(Error::new(code::PLAN_CYCLE, "the steps of this plan depend on each other in a circle")
        .cause(names.join(" -> "))
        .fix("leave one of these objects out with exclude: in the runbook, and create it by hand afterwards")
        .fix("report it with the definitions of the objects named above: a snapshot should not hold such a circle"))
}

fn circle(graph: &DiGraph<(), ()>, first: NodeIndex) -> Vec<NodeIndex> {
    let mut came_from: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut queue = VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node) {
            if next == first {
                let mut path = vec![first, node];
                let mut at = node;
                while at != first {
                    at = came_from[&at];
                    path.push(at);
                }
                path.reverse();
                return path;
            }
            if let Entry::Vacant(vacant) = came_from.entry(next) {
                vacant.insert(node);
                queue.push_back(next);
            }
        }
    }
    vec![first]
}
