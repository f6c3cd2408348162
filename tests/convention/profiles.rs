//! What holds for every profile.

use std::collections::BTreeSet;

use allm_telemetry::{
    SpanName,
    convention::{Convention, Profile},
    event::Outcome,
};

use crate::shown::{self, ended, shown};

const PROFILES: [Profile; 3] = [Profile::Otel1_41, Profile::OtelGenai, Profile::OpenInference];

#[test]
fn the_spans_of_these_tests_have_every_attribute_of_a_rule() {
    for profile in PROFILES {
        let convention = shown::all_content().profiles([profile]);
        let spans_of = |span| {
            let outcomes = [Outcome::Completed, Outcome::Error, Outcome::Dropped];
            outcomes
                .map(|outcome| ended(span, outcome))
                .into_iter()
                .chain([shown::ended_with_rare_results(span)])
        };
        let spans = SpanName::ALL.iter().copied().flat_map(spans_of);
        let sent: BTreeSet<_> =
            spans.flat_map(|events| shown(&convention, &events).attributes.into_keys()).collect();
        for rule in SpanName::ALL.iter().flat_map(|&span| convention.rules(span)) {
            let key = rule.key();
            assert!(
                sent.contains(key),
                "set `{key}` in `ended` or `ended_with_rare_results`, so that it is tested"
            );
        }
    }
}

#[test]
fn a_label_has_the_name_that_the_profile_gives_to_the_attribute() {
    for profile in PROFILES {
        let convention = Convention::new().profiles([profile]).counter("declared", "{unit}");
        let mut attributes: BTreeSet<_> =
            SpanName::ALL.iter().flat_map(|&span| convention.rules(span).map(|rule| rule.key())).collect();
        // Labels that no span has as an attribute, or only under a profile of OpenTelemetry's.
        attributes.extend(["gen_ai.token.type", "gen_ai.token.modality", "allm.span", "allm.error_type"]);
        if profile == Profile::OpenInference {
            let otel = Convention::new();
            attributes.extend(
                SpanName::ALL
                    .iter()
                    .flat_map(|&span| otel.rules(span).map(|rule| rule.key()).collect::<Vec<_>>()),
            );
        }
        for instrument in convention.instruments() {
            for label in instrument.label_keys() {
                assert!(attributes.contains(label), "{profile}: {} of {}", label, instrument.name);
            }
        }
    }
}
