//! What one writes today to have a request id: a tracing span, and a fresh id in a task-local. In
//! two forms, because whoever knows that most ids are never read keeps the bytes and encodes late.

use std::hint::black_box;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::LocalKey;

use super::tracing::Tracing;
use super::{Contender, Peer, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender = Contender {
    name: "by hand",
    role: Role::ByHand,
    note: "tracing without a subscriber, and a fresh 22-character id in a tokio task-local at the root",
    case: case::<Id>,
};

pub(super) const LATE: Contender = Contender {
    name: "by hand, late",
    role: Role::LessWork,
    note: "the same with 16 random bytes in the task-local, converted to text when they are read",
    case: case::<Bytes>,
};

fn case<K: Keep>(row: &Row) -> Option<Case> {
    let fits = row.listening == Listening::Nobody && !row.is_stream();
    fits.then(|| Case::new(ByHand::<K>(PhantomData), row, 0))
}

tokio::task_local! {
    static REQUEST_ID: Id;
    static REQUEST_BYTES: Bytes;
}

/// What lies in the task-local.
trait Keep: Copy + Send + Sync + 'static {
    const KEY: &'static LocalKey<Self>;

    fn draw() -> Self;

    fn id(self) -> Id;
}

/// A request id as text, in an array: nothing allocates less.
#[derive(Clone, Copy)]
pub(super) struct Id([u8; 22]);

/// 16 bytes from a cryptographic generator.
#[derive(Clone, Copy)]
struct Bytes([u8; 16]);

impl Id {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64 is ASCII")
    }
}

/// Draws an id, at once.
#[inline]
pub(super) fn fresh_id() -> Id {
    Bytes::draw().id()
}

impl Keep for Id {
    const KEY: &'static LocalKey<Self> = &REQUEST_ID;

    #[inline]
    fn draw() -> Self {
        fresh_id()
    }

    fn id(self) -> Id {
        self
    }
}

impl Keep for Bytes {
    const KEY: &'static LocalKey<Self> = &REQUEST_BYTES;

    #[inline]
    fn draw() -> Self {
        Bytes(rand::random())
    }

    /// Base64url without padding.
    #[inline]
    fn id(self) -> Id {
        let mut text = [0; 22];
        URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).expect("16 bytes make 22 characters");
        Id(text)
    }
}

struct ByHand<K>(PhantomData<fn() -> K>);

impl<K: Keep> Peer for ByHand<K> {
    fn read() {
        black_box(K::KEY.try_with(|kept| black_box(kept.id().0)).is_ok());
    }

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        K::KEY.scope(K::draw(), Tracing.generate(work))
    }

    #[inline(always)]
    fn owned(&self, model: String, work: impl Work) -> impl Work {
        K::KEY.scope(K::draw(), Tracing.owned(model, work))
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        K::KEY.scope(K::draw(), Tracing.chat(work))
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        Tracing.step(work)
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        Tracing.tool(work)
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        Tracing.stream(items)
    }
}
