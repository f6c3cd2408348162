/// The operation of an image model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageOperation {
    /// Generates an image from text.
    Generate,
    /// Edits an image.
    Edit,
    /// Generates variations of an image.
    Variation,
}

impl ImageOperation {
    /// Returns the operation as used in events: `generate`, `edit`, `variation`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
            Self::Variation => "variation",
        }
    }
}
