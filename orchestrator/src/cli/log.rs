//! Messages on standard error while a command runs.

use std::{fmt, sync::Arc};

use batch_core::decide::clean::Cleaner;
use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::{
    Layer as _,
    field::Visit,
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::screen::{Screen, ScreenWriter};

/// Shows messages of at least `level` on `screen`, cleaned by `cleaner`. Messages of libraries are shown only
/// at the highest level of detail.
pub(super) fn to_stderr(level: LevelFilter, cleaner: Arc<Cleaner>, screen: Arc<Screen>) {
    let ours = ["orchestrator", "batch_core", "analytics"].map(|target| (target, level));
    let others = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { LevelFilter::ERROR };
    let filter = Targets::new().with_targets(ours).with_default(others);
    let writer = move || ScreenWriter(Arc::clone(&screen));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).event_format(Line(cleaner));
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}

/// Writes an event on one line: its level if it is a warning or an error, then its message.
struct Line(Arc<Cleaner>);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message::default();
        event.record(&mut message);
        let word = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO | Level::DEBUG | Level::TRACE => "",
        };
        // Messages quote the output of packages and tools.
        writeln!(writer, "{word}{}", self.0.text(message.0.as_bytes()).trim_end())
    }
}

/// The message of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
