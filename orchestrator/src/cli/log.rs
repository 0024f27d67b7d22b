//! Messages on standard error while a command runs.

use std::{fmt, sync::Arc};

use batch_core::{decide::clean::Cleaner, io::Clock};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::run::RUN_ID;
use crate::screen::{Screen, ScreenWriter};

/// The form of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object on each line: `at`, `level`, `message`, and the `run_id` of the run.
    Json,
}

/// Shows messages of at least `level` on `screen`, cleaned by `cleaner`, in the form `format`, with the time of
/// `clock`. Messages of libraries are shown only at the highest level of detail.
pub(super) fn to_stderr(
    (format, level): (LogFormat, LevelFilter),
    cleaner: Arc<Cleaner>,
    screen: Arc<Screen>,
    clock: Option<Arc<dyn Clock>>,
) {
    let ours = ["orchestrator", "batch_core", "analytics"].map(|target| (target, level));
    let others = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { LevelFilter::ERROR };
    let filter = Targets::new().with_targets(ours).with_default(others);
    let writer = move || ScreenWriter(Arc::clone(&screen));
    match format {
        LogFormat::Text => {
            let layer =
                tracing_subscriber::fmt::layer().with_writer(writer).event_format(Line(cleaner));
            tracing_subscriber::registry().with(layer.with_filter(filter)).init();
        }
        LogFormat::Json => {
            let line = JsonLine { cleaner, clock };
            let layer = tracing_subscriber::fmt::layer().with_writer(writer).event_format(line);
            let registry = tracing_subscriber::registry().with(RunIds);
            registry.with(layer.with_filter(filter)).init();
        }
    }
}

/// Keeps the id of a run with its span.
struct RunIds;

/// The id of the run that a span belongs to.
#[derive(Default)]
struct RunId(Option<String>);

impl Visit for RunId {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == RUN_ID {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RunIds {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut run_id = RunId::default();
        attributes.record(&mut run_id);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(run_id);
        }
    }
}

/// Writes an event as JSON on one line.
struct JsonLine {
    cleaner: Arc<Cleaner>,
    clock: Option<Arc<dyn Clock>>,
}

/// A line.
#[derive(Serialize)]
struct Logged<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    level: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message::default();
        event.record(&mut message);
        let spans = context.event_scope().into_iter().flatten();
        let mut of_spans =
            spans.filter_map(|span| span.extensions().get::<RunId>().and_then(|it| it.0.clone()));
        let message = self.cleaner.text(message.0.as_bytes());
        let line = Logged {
            at: self.clock.as_ref().map(|clock| clock.now()),
            level: &event.metadata().level().as_str().to_ascii_lowercase(),
            message: message.trim_end(),
            run_id: of_spans.next(),
        };
        // Only texts and a time, which JSON can always express.
        writeln!(writer, "{}", serde_json::to_string(&line).map_err(|_| fmt::Error)?)
    }
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
