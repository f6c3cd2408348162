/// What is asked of an image model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageOperation {
    /// Make one from text.
    Generate,
    /// Change one.
    Edit,
    /// Make others like one.
    Variation,
}

impl ImageOperation {
    /// The operation as it stands in events: `generate`, `edit`, `variation`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
            Self::Variation => "variation",
        }
    }
}
