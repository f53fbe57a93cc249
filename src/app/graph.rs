//! The graph of a plan in the languages of drawing tools.

use crate::model::plan::Plan;
use crate::plan::render;

/// Which language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// JSON
    Json,
}

/// Draws it; big graphs are gathered by unit and kind unless `full`.
pub fn draw(plan: &Plan, language: Language, full: bool) -> String {
    match language {
        Language::Dot => render::dot(&plan.graph, full),
        Language::Mermaid => render::mermaid(&plan.graph, full),
        Language::Json => render::json(&plan.graph),
    }
}
