use super::rule::Rule;

/// Rules that spans share, and what a span must have for any of them to have a value: where it has not, none is read.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) needs: Needs,
    pub(super) rules: &'static [Rule],
}

/// What most spans, or most ends, do not have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    Nothing,
    /// An optional start key.
    Options,
    /// Tokens that are to be told here.
    Usage,
    /// That it wrapped a stream.
    Stream,
    /// Input that may leave.
    Input,
    /// Output that may leave.
    Output,
}

impl Group {
    pub(super) const fn plain(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Nothing, rules }
    }

    pub(super) const fn options(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Options, rules }
    }

    pub(super) const fn usage(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Usage, rules }
    }

    pub(super) const fn stream(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Stream, rules }
    }

    pub(super) const fn input(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Input, rules }
    }

    pub(super) const fn output(rules: &'static [Rule]) -> Self {
        Self { needs: Needs::Output, rules }
    }
}
