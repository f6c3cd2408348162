use std::borrow::Cow;

use super::cardinality::Dimension;
use super::span_view::SpanView;

/// A label: its key, and a function that reads its value. Values that users, models and vendors choose are limited.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelRule {
    pub(super) key: &'static str,
    pub(super) read: ReadLabel,
}

pub(super) type ReadLabel = for<'a> fn(&SpanView<'a, '_>) -> Option<Cow<'a, str>>;

pub(super) const SPAN: LabelRule = label("allm.span", |it| Some(it.start.name.as_str().into()));
pub(super) const OPERATION: LabelRule = label("gen_ai.operation.name", |it| Some(it.name.operation.into()));
pub(super) const PROVIDER: LabelRule = label("gen_ai.provider.name", |it| it.limited(Dimension::Provider));
pub(super) const MODEL: LabelRule = label("gen_ai.request.model", |it| it.limited(Dimension::Model));
pub(super) const RESPONSE_MODEL: LabelRule =
    label("gen_ai.response.model", |it| it.limited(Dimension::ResponseModel));
pub(super) const AGENT: LabelRule = label("gen_ai.agent.name", |it| it.limited(Dimension::Agent));
pub(super) const TOOL: LabelRule = label("gen_ai.tool.name", |it| it.limited(Dimension::Tool));
pub(super) const ERROR_TYPE: LabelRule = label("error.type", |it| it.error_type());
/// Without it, dropped and cancelled calls would look like fast successes.
pub(super) const OUTCOME: LabelRule = label("allm.outcome", |it| Some(it.end?.outcome.as_str().into()));
/// Read from the retry's own event: the span that it is in has not failed.
pub(super) const RETRIED_ERROR: LabelRule = label("allm.error_type", |_| None);
/// The reader returns nothing, because a span has tokens of both types: `measure` adds the label.
pub(super) const TOKEN_TYPE: LabelRule = label("gen_ai.token.type", |_| None);
/// The tokens of a call are not counted by modality.
pub(super) const MODALITY: LabelRule = label("gen_ai.token.modality", |_| Some("unknown".into()));

const fn label(key: &'static str, read: ReadLabel) -> LabelRule {
    LabelRule { key, read }
}
