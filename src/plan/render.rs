//! The graph in the languages of drawing tools.

use crate::model::graph::Graph;
use crate::model::step::Step;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

/// Graphs with more steps are gathered by unit and kind, with counts.
const STEPS_DRAWN_MAX: usize = 200;

/// What is drawn: boxes, and arrows between them.
struct Drawing {
    /// Unit, then boxes: key and label.
    units: BTreeMap<String, BTreeMap<String, String>>,
    /// Between keys; true when the end is only waited for.
    arrows: BTreeSet<(String, String, bool)>,
}

/// Graphviz. Big graphs are gathered unless `full`.
pub fn dot(graph: &Graph, full: bool) -> String {
    let drawing = draw(graph, full);
    let names = names(&drawing);
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (index, (unit, boxes)) in drawing.units.iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{index} {{\n    label=\"{}\";", dot_text(unit));
        for (key, label) in boxes {
            let _ = writeln!(out, "    {} [label=\"{}\"];", names[key.as_str()], dot_text(label));
        }
        out.push_str("  }\n");
    }
    for (before, after, whatever) in &drawing.arrows {
        let style = if *whatever { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  {} -> {}{style};", names[before.as_str()], names[after.as_str()]);
    }
    out.push_str("}\n");
    out
}

/// Mermaid. Big graphs are gathered unless `full`.
pub fn mermaid(graph: &Graph, full: bool) -> String {
    let drawing = draw(graph, full);
    let names = names(&drawing);
    let mut out = String::from("flowchart LR\n");
    for (index, (unit, boxes)) in drawing.units.iter().enumerate() {
        let _ = writeln!(out, "  subgraph u{index}[\"{}\"]", mermaid_text(unit));
        for (key, label) in boxes {
            let _ = writeln!(out, "    {}[\"{}\"]", names[key.as_str()], mermaid_text(label));
        }
        out.push_str("  end\n");
    }
    for (before, after, whatever) in &drawing.arrows {
        let arrow = if *whatever { "-.->" } else { "-->" };
        let _ = writeln!(out, "  {} {arrow} {}", names[before.as_str()], names[after.as_str()]);
    }
    out
}

/// JSON: the graph as it stands in the plan.
pub fn json(graph: &Graph) -> String {
    serde_json::to_string_pretty(graph).unwrap_or_default()
}

fn draw(graph: &Graph, full: bool) -> Drawing {
    let gathered = !full && graph.steps.len() > STEPS_DRAWN_MAX;
    let mut drawing = Drawing { units: BTreeMap::new(), arrows: BTreeSet::new() };
    let mut key_of: HashMap<&str, String> = HashMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for step in &graph.steps {
        let key = if gathered { format!("{}\u{0}{}", step.unit, kind(step)) } else { step.id.clone() };
        *counts.entry(key.clone()).or_default() += 1;
        let label = match gathered {
            true => label(kind(step), counts[&key]),
            false => step.id.clone(),
        };
        drawing.units.entry(step.unit.clone()).or_default().insert(key.clone(), label);
        key_of.insert(&step.id, key);
    }
    for edge in &graph.edges {
        if let (Some(before), Some(after)) = (key_of.get(edge.before.as_str()), key_of.get(edge.after.as_str()))
            && before != after
        {
            drawing.arrows.insert((before.clone(), after.clone(), edge.whatever));
        }
    }
    // where some step needs another, that is what is drawn between the two groups
    let needs: BTreeSet<(String, String)> = drawing
        .arrows
        .iter()
        .filter(|arrow| !arrow.2)
        .map(|(before, after, _)| (before.clone(), after.clone()))
        .collect();
    drawing.arrows.retain(|(before, after, whatever)| !whatever || !needs.contains(&(before.clone(), after.clone())));
    drawing
}

/// The verb of a step: the part of its id behind the unit.
fn kind(step: &Step) -> &str {
    step.id.split('/').nth(1).unwrap_or(&step.id)
}

fn label(kind: &str, count: usize) -> String {
    if count == 1 { kind.to_owned() } else { format!("{kind} ({count})") }
}

fn names(drawing: &Drawing) -> HashMap<&str, String> {
    let keys = drawing.units.values().flat_map(BTreeMap::keys);
    keys.enumerate().map(|(index, key)| (key.as_str(), format!("n{index}"))).collect()
}

fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}

fn mermaid_text(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::fixture::{BIG, Maker, input, plan_of};

    fn graph(tables: u32) -> Graph {
        let mut maker = Maker::new();
        for n in 0..tables {
            maker.table(&format!("t\"{n}"), BIG, 1);
        }
        plan_of(&[input("orders", maker.catalog)]).graph
    }

    #[test]
    fn small_graphs_show_every_step_and_big_ones_counts() {
        let small = graph(2);
        assert_eq!(dot(&small, false).matches("[label=").count(), small.steps.len());
        assert!(dot(&small, false).contains("public.t\\\"1"));
        let big = graph(100);
        let text = mermaid(&big, false);
        assert!(text.contains("[\"load (100)\"]"), "{text}");
        assert!(text.len() < 2000, "{}", text.len());
        assert!(mermaid(&big, true).contains("public.t#quot;99"));
    }
}
