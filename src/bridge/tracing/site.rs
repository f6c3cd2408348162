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

/// What makes one callsite differ from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spec {
    pub(super) is_span: bool,
    pub(super) name: Cow<'static, str>,
    pub(super) target: &'static str,
    pub(super) level: Level,
    pub(super) keys: Vec<Cow<'static, str>>,
}

/// A callsite that is made while the program runs: what the macros of `tracing` make when it is compiled.
///
/// `tracing` keeps callsites for ever. So they are leaked, once for each [`Spec`].
pub(super) struct Site {
    made: OnceLock<Made>,
    interest: AtomicU8,
}

/// What needs the callsite's own address.
struct Made {
    metadata: Metadata<'static>,
    names: &'static [&'static str],
    fields: Box<[Field]>,
}

/// Nobody has been asked.
const UNKNOWN: u8 = 3;
const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

impl Site {
    /// The callsite for this, which is made if it is the first of its kind.
    pub(super) fn of(spec: Spec) -> &'static Self {
        static SITES: LazyLock<Mutex<HashMap<Spec, &'static Site>>> = LazyLock::new(Mutex::default);
        let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
        sites.entry(spec).or_insert_with_key(Self::leak)
    }

    fn leak(spec: &Spec) -> &'static Self {
        let site: &'static Self =
            Box::leak(Box::new(Self { made: OnceLock::new(), interest: AtomicU8::new(UNKNOWN) }));
        let names: &'static [&'static str] = Vec::leak(spec.keys.iter().cloned().map(leaked).collect());
        let fields = FieldSet::new(names, tracing_core::identify_callsite!(site));
        let kind = if spec.is_span { Kind::SPAN } else { Kind::EVENT };
        let place = Some(module_path!());
        let metadata = Metadata::new(
            leaked(spec.name.clone()),
            spec.target,
            spec.level,
            None,
            None,
            place,
            fields,
            kind,
        );
        let fields = metadata.fields().iter().collect();
        let _ = site.made.set(Made { metadata, names, fields });
        site
    }

    fn made(&self) -> &Made {
        self.made.get().expect("set before anybody has the site")
    }

    pub(super) fn metadata(&'static self) -> &'static Metadata<'static> {
        &self.made().metadata
    }

    /// The keys, in the order of the spec.
    pub(super) fn names(&self) -> &'static [&'static str] {
        self.made().names
    }

    /// The handles of the keys, in their order.
    pub(super) fn fields(&self) -> &[Field] {
        &self.made().fields
    }

    /// Whether the subscriber wants this. It is the default one here.
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

    /// Registers the callsite when it is first used, and not before: `tracing` asks the default subscriber if there is but
    /// one, and where a bridge is attached that is often none yet.
    #[cold]
    fn register(&'static self) -> u8 {
        let first =
            self.interest.compare_exchange(UNKNOWN, SOMETIMES, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        // Others ask each time until it is known; so does a subscriber that opens a span from inside this call.
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

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        let interest = match () {
            () if interest.is_never() => NEVER,
            () if interest.is_always() => ALWAYS,
            () => SOMETIMES,
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        &self.made().metadata
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Site").field(&self.made().metadata).finish()
    }
}
