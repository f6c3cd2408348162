/// What a chunk of an answer contains. See [`Record::chunk_kind`](crate::Record::chunk_kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChunkKind {
    /// A part of the answer itself.
    Answer,
    /// A part of the model's reasoning.
    Reasoning,
    /// A part of a tool call.
    ToolCall,
}

impl ChunkKind {
    const ALL: [Self; 3] = [Self::Answer, Self::Reasoning, Self::ToolCall];

    /// Returns the measurement of the time to the first chunk of this kind, if there is one.
    pub(crate) const fn measurement(self) -> Option<&'static str> {
        match self {
            Self::Answer => Some("time_to_first_answer"),
            Self::Reasoning => Some("time_to_first_reasoning"),
            Self::ToolCall => None,
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChunkKinds(u8);

impl ChunkKinds {
    pub(crate) fn insert(&mut self, kind: ChunkKind) {
        self.0 |= 1 << kind as u8;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `others`, and returns those of them that were not in the set.
    #[inline]
    pub(crate) fn add(&mut self, others: Self) -> Self {
        let new = Self(others.0 & !self.0);
        self.0 |= others.0;
        new
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = ChunkKind> {
        ChunkKind::ALL.into_iter().filter(move |kind| self.0 & (1 << *kind as u8) != 0)
    }
}
