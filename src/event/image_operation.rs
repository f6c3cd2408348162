/// What an image model is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageOperation {
    /// Make an image from text.
    Generate,
    /// Change an image.
    Edit,
    /// Make variations of an image.
    Variation,
}

impl ImageOperation {
    /// Returns the operation as it stands in events: `generate`, `edit`, `variation`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
            Self::Variation => "variation",
        }
    }
}
