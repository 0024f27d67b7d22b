//! How many packages have which status.

use batch_core::model::{EcosystemId, StatusLabel};

use super::{
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row, Table},
};
use crate::{path, site::Site, text::Text};

const QUEUE: &[Column] = &[
    Column::new("Ecosystem", Kind::Name),
    Column::new("Pending", Kind::Number),
    Column::new("In PR", Kind::Number),
    Column::new("Success", Kind::Number),
    Column::new("Failed", Kind::Number),
    Column::new("Blocked", Kind::Number),
    Column::new("Requires manual", Kind::Number),
    Column::new("Excluded", Kind::Number),
    Column::new("All", Kind::Number),
];

/// The numbers of entries by ecosystem and status; the last line has the sums.
pub(super) fn table(site: &Site<'_>) -> Table {
    let line = |ecosystem: Option<&EcosystemId>| {
        let count = |status: Option<StatusLabel>| {
            let n = site.entries.count(ecosystem, status);
            let stem = match (ecosystem, status) {
                (Some(id), Some(status)) => path::status_in(id, status),
                (Some(id), None) => path::queue(id),
                (None, Some(status)) => path::status(status),
                (None, None) => "queue".to_owned(),
            };
            Cell::count(n, path::list(&stem, 1))
        };
        let name = ecosystem.map_or(Cell::text("All"), |id| Cell::Link(Link::ecosystem(id)));
        let counts = StatusLabel::ALL.iter().map(|status| count(Some(*status)));
        let cells = std::iter::once(name).chain(counts).chain([count(None)]);
        Row::from(cells.collect::<Vec<_>>())
    };
    let queued = site.ecosystems().into_iter().filter(|id| site.records.queues.contains_key(*id));
    Table {
        id: "queue-status",
        caption: Text::new("Packages by ecosystem and status"),
        columns: QUEUE,
        rows: queued.map(Some).chain([None]).map(line).collect(),
    }
}
