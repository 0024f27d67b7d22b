//! What is said on standard error while a command works.

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

/// Shows what is at least as grave as `level`, cleaned by `cleaner`. What others log is shown only
/// where everything is.
pub(super) fn to_stderr(level: LevelFilter, cleaner: Arc<Cleaner>) {
    let ours = ["orchestrator", "batch_core", "analytics"].map(|target| (target, level));
    let others = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { LevelFilter::ERROR };
    let filter = Targets::new().with_targets(ours).with_default(others);
    let layer =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(Line(cleaner));
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}

/// An event as one line: its message, which can be read alone, after a word for what is grave.
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
        // Messages quote what packages and tools say.
        writeln!(writer, "{word}{}", self.0.text(message.0.as_bytes()).trim_end())
    }
}

/// The message among an event's fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
