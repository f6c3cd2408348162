use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Dispatch, Level, Metadata};
use tracing_core::callsite::{self, Callsite};
use tracing_core::field::{Field, FieldSet};
use tracing_core::metadata::Kind;
use tracing_core::subscriber::Interest;

/// The properties that distinguish one callsite from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallsiteSpec {
    pub(super) is_span: bool,
    pub(super) name: Cow<'static, str>,
    pub(super) target: &'static str,
    pub(super) level: Level,
    pub(super) keys: Vec<Cow<'static, str>>,
}

/// A callsite that is created at run time, unlike the static of a `tracing` macro, because its fields depend on the
/// [`Convention`](crate::convention::Convention).
///
/// `tracing` keeps callsites for the life of the process, so they are leaked, once for each [`CallsiteSpec`].
pub(super) struct DynamicCallsite {
    // Metadata refers to its callsite, so it is set once the callsite has an address.
    described: OnceLock<Described>,
    interest: AtomicU8,
}

struct Described {
    metadata: Metadata<'static>,
    fields: Box<[Field]>,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;
/// Not registered yet.
const UNKNOWN: u8 = 3;

impl DynamicCallsite {
    /// Returns the callsite for a specification. It is created on the first call.
    pub(super) fn of(spec: CallsiteSpec) -> &'static Self {
        static MADE: LazyLock<Mutex<HashMap<CallsiteSpec, &'static DynamicCallsite>>> =
            LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(spec).or_insert_with_key(Self::leak)
    }

    fn leak(spec: &CallsiteSpec) -> &'static Self {
        let callsite: &'static Self =
            Box::leak(Box::new(Self { described: OnceLock::new(), interest: AtomicU8::new(UNKNOWN) }));
        let names: &'static [&'static str] = Vec::leak(spec.keys.iter().cloned().map(leaked).collect());
        let fields = FieldSet::new(names, tracing_core::identify_callsite!(callsite));
        let kind = if spec.is_span { Kind::SPAN } else { Kind::EVENT };
        let name = leaked(spec.name.clone());
        let module = Some(module_path!());
        let metadata = Metadata::new(name, spec.target, spec.level, None, None, module, fields, kind);
        let fields = metadata.fields().iter().collect();
        let _ = callsite.described.set(Described { metadata, fields });
        callsite
    }

    fn described(&self) -> &Described {
        self.described.get().expect("set before `leak` returns the callsite")
    }

    pub(super) fn metadata(&'static self) -> &'static Metadata<'static> {
        &self.described().metadata
    }

    /// The fields, in the order of the specification's keys.
    pub(super) fn fields(&self) -> &[Field] {
        &self.described().fields
    }

    /// Returns whether the subscriber, which is the default one here, enables this callsite.
    pub(super) fn is_enabled(&'static self, dispatch: &Dispatch) -> bool {
        let level = self.metadata().level();
        if *level > STATIC_MAX_LEVEL || *level > LevelFilter::current() {
            return false;
        }
        match self.interest() {
            NEVER => false,
            ALWAYS => true,
            _ => dispatch.enabled(self.metadata()),
        }
    }

    #[inline]
    fn interest(&'static self) -> u8 {
        match self.interest.load(Ordering::Relaxed) {
            UNKNOWN => self.register(),
            known => known,
        }
    }

    /// Registers the callsite, on its first use and not on creation: `tracing` then requests the interest of the current
    /// subscribers, and when a bridge is attached there is often none yet.
    #[cold]
    fn register(&'static self) -> u8 {
        let first =
            self.interest.compare_exchange(UNKNOWN, SOMETIMES, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        // Until the interest is known, it is `SOMETIMES`: other threads call the subscriber each time, and so does a
        // subscriber that opens a span from inside `register`.
        if first {
            callsite::register(self);
        }
        self.interest.load(Ordering::Relaxed)
    }
}

fn leaked(name: Cow<'static, str>) -> &'static str {
    match name {
        Cow::Borrowed(name) => name,
        Cow::Owned(name) => String::leak(name),
    }
}

impl Callsite for DynamicCallsite {
    fn set_interest(&self, interest: Interest) {
        let interest = match () {
            () if interest.is_never() => NEVER,
            () if interest.is_always() => ALWAYS,
            () => SOMETIMES,
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        &self.described().metadata
    }
}

impl fmt::Debug for DynamicCallsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamicCallsite").field(&self.described().metadata).finish()
    }
}
