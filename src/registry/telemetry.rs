use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, LazyLock};

use super::attached_listener::AttachedListener;
use super::dispatch::{self, UserCall};
use super::error::{AttachError, DetachError};
use super::event_names;
use super::handler::{Handler, HandlerInfo, Run};
use super::interest::EventSet;
use super::listener::Listener;
use super::registry::Registry;
use super::table::{Attached, Table};
use crate::event::{Clock, Content, Event, EventName, Time, TimeSource};

/// A handle to a set of handlers and listeners, and a clock. It is cheap to clone; all clones share the same set.
///
/// There is a [global](Self::global) handle. The free functions of this crate use it, except in a task or closure that runs
/// in the [`scope`](Telemetry::scope) of another handle. A library takes a `Telemetry` or uses the current one; an
/// application attaches to the global one; a test creates its own and runs in its scope, in parallel with other tests.
///
/// A handler that holds a clone of the `Telemetry` to which it is attached keeps it alive forever. Inside handlers, use
/// the free functions. They find the right handle for what is emitted inside its spans and scopes, but not for a
/// `telemetry.execute(..)` outside of its scope, nor for the failures of sinks.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Telemetry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// telemetry.attach("log", "allm.generate.stop", |event: &Event<'_>| println!("{event}"))?;
///
/// telemetry.scope(async { "an answer" }.in_span_infallible(Span::generate().model("gpt-5"))).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Telemetry(Handle);

// The user's code runs without a lock held, and what panics in it is detached. So a panic leaves no handle half-changed.
impl UnwindSafe for Telemetry {}
impl RefUnwindSafe for Telemetry {}

/// A handler that was attached, and no other that has its id after it.
#[derive(Clone)]
pub(super) struct Attachment {
    pub(super) telemetry: Telemetry,
    pub(super) id: Arc<str>,
    sequence: u64,
}

impl Attachment {
    /// Detaches the handler, unless that has been done before.
    pub(super) fn detach(&self) {
        dispatch::detach(self.telemetry.registry(), &self.id, |now| now.sequence() == self.sequence);
    }
}

/// The global handle is no `Arc`, because spans clone their handle: the threads of a server would share its counter.
#[derive(Clone, Default)]
enum Handle {
    #[default]
    Global,
    Own(Arc<Registry>),
}

static GLOBAL: LazyLock<Registry> = LazyLock::new(|| Registry::new(TimeSource::System, 128));

/// For handles of one's own, which tests create in large numbers.
const THREADS: usize = 8;

impl Telemetry {
    /// Creates a handle with nothing attached and the default clock.
    #[must_use]
    pub fn new() -> Self {
        Self(Handle::Own(Arc::new(Registry::new(TimeSource::System, THREADS))))
    }

    /// Creates a handle with nothing attached and a clock of your choice.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Handle::Own(Arc::new(Registry::new(TimeSource::Custom(Arc::new(clock)), THREADS))))
    }

    /// Returns the process-wide handle.
    #[must_use]
    pub const fn global() -> Self {
        Self(Handle::Global)
    }

    /// Attaches a function to one event, under an id of your choice.
    ///
    /// The function is called in the task that emits, inside the span's context. One that blocks holds up that task: for
    /// I/O or async work use [`subscribe`](Self::subscribe). Names are exact; the order among handlers is not promised. A
    /// handler may attach, detach and emit.
    ///
    /// # Panics in handlers
    ///
    /// A panic is caught: the handler is detached from all its events, `telemetry.handler.failure` is emitted, and
    /// the other handlers are called. Handlers that emit inside handlers may nest 64 deep; one that nests deeper is
    /// treated as if it had panicked.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is in use, [`AttachError::InvalidEventName`] if no event can have this name: it
    /// is below a span and not one of its four events (`allm.generate.finish`), contains a `*` or an empty segment, or does
    /// not begin with `allm`, unless it is `telemetry.handler.failure`. A span that is misspelt is an error too
    /// (`allm.genrate.stop`). User-defined events begin with `allm` as well; their names are otherwise free, so a misspelt one
    /// is not an error.
    ///
    /// # Examples
    ///
    /// ```
    /// let telemetry = allm_telemetry::Telemetry::new();
    /// telemetry.attach("failures", "telemetry.handler.failure", |event: &allm_telemetry::Event<'_>| {
    ///     eprintln!("{event}");
    /// })?;
    /// # Ok::<(), allm_telemetry::handler::AttachError>(())
    /// ```
    pub fn attach<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: impl Into<Arc<str>>,
        event: N,
        handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Result<(), AttachError> {
        self.attach_many(id, [event], handler)
    }

    /// Attaches a function to several events under one id. See [`attach`](Self::attach).
    ///
    /// # Errors
    ///
    /// As for [`attach`](Self::attach). If one name is wrong, nothing is attached.
    pub fn attach_many<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: impl Into<Arc<str>>,
        events: impl IntoIterator<Item = N>,
        handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Result<(), AttachError> {
        self.attach_handler(id.into(), events, Content::ALL, Run::function(handler)).map(drop)
    }

    /// Attaches what handles these events. What is returned detaches it.
    pub(super) fn attach_handler<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: Arc<str>,
        events: impl IntoIterator<Item = N>,
        content: Content,
        run: Run,
    ) -> Result<Attachment, AttachError> {
        let mut names: Vec<EventName> = Vec::new();
        for event in events {
            let name = event.try_into().map_err(Into::into)?;
            event_names::check(&name).map_err(AttachError::InvalidEventName)?;
            // An event that is named twice is delivered once.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let registry = self.registry();
        let sequence = registry.next_sequence();
        let handler = Handler { id: id.clone(), events: names.into(), content, run, sequence };
        registry.insert(id.clone(), Attached::Handler(Arc::new(handler)))?;
        Ok(Attachment { telemetry: self.clone(), id, sequence })
    }

    /// Attaches a listener, which follows whole spans and keeps a state for each.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is in use, [`AttachError::TooManyListeners`] if there are
    /// [`MAX_LISTENERS`](crate::handler::MAX_LISTENERS) already.
    pub fn listen(&self, id: impl Into<Arc<str>>, listener: impl Listener) -> Result<(), AttachError> {
        let id = id.into();
        let registry = self.registry();
        // A listener that is refused is dropped as one that is detached: its panic does not leave this function.
        let listener = AttachedListener::new(id.clone(), listener, registry.next_sequence());
        registry.reserve_listener()?;
        let inserted = registry.insert(id, Attached::Listener(Arc::new(listener)));
        inserted.inspect_err(|_| registry.release_listener())
    }

    /// Detaches what is attached under an id, from all its events.
    ///
    /// An event whose emission begins after this function has returned does not reach it; an emission that is in progress
    /// may still call it. Its function is dropped at the latest when every thread that has emitted emits again or ends.
    ///
    /// # Errors
    ///
    /// [`DetachError`] if nothing is attached under it.
    pub fn detach(&self, id: &str) -> Result<(), DetachError> {
        let is_detached = dispatch::detach(self.registry(), id, |_| true);
        if is_detached { Ok(()) } else { Err(DetachError { id: id.into() }) }
    }

    /// Lists what is attached to the events at or below a prefix: `allm.generate`, `allm`, or empty for all. A listener
    /// is listed with every event that it follows. Sorted by event, then by id.
    #[must_use]
    pub fn list_handlers(&self, prefix: &str) -> Vec<HandlerInfo> {
        let mut found = Vec::new();
        for one in &self.registry().attached {
            let events = match one.value() {
                Attached::Handler(handler) => handler.events.clone(),
                Attached::Listener(listener) => listener.events(),
            };
            let matching = events.into_iter().filter(|event| event.starts_with(prefix));
            found.extend(matching.map(|event| HandlerInfo { id: one.key().clone(), event }));
        }
        found.sort_by(|a, b| (a.event.as_str(), &a.id).cmp(&(b.event.as_str(), &b.id)));
        found
    }

    /// Returns how many ends of spans a listener ignored because it was attached after their start. `None` if there is no
    /// listener with this id.
    #[must_use]
    pub fn ends_without_start(&self, id: &str) -> Option<u64> {
        match self.registry().attached.get(id)?.value() {
            Attached::Listener(listener) => Some(listener.missed()),
            Attached::Handler(_) => None,
        }
    }

    /// Returns whether a handler or listener is attached to any of these events.
    #[inline]
    pub(crate) fn follows(&self, followed: EventSet) -> bool {
        self.registry().interest.has(followed)
    }

    /// Returns the content that any handler or listener of this event may see.
    pub(crate) fn content(&self, name: &EventName) -> Content {
        dispatch::with_table(self.registry(), |table| table.row(name).content)
    }

    /// Delivers an event to the handlers that are attached to it. To build no event in vain, ask
    /// [`follows`](Self::follows) before.
    #[inline]
    pub(crate) fn emit(&self, event: &Event<'_>) {
        dispatch::emit(self.registry(), event);
    }

    /// Calls an observer, or another closure of the user's that is not attached. One that fails is reported under `id`.
    #[inline]
    pub(crate) fn observe<R>(&self, event: &EventName, id: &str, code: impl FnOnce() -> R) -> Option<R> {
        UserCall { registry: self.registry(), id, sequence: None, event: Some(event) }.call(code)
    }

    /// Whether a listener is attached. One load: spans ask before they look for listeners.
    #[inline]
    pub(crate) fn has_listeners(&self) -> bool {
        self.registry().has_listeners()
    }

    /// Calls `look` with the listeners, if there are any.
    #[inline]
    pub(crate) fn with_listeners<R>(&self, look: impl FnOnce(&[Arc<AttachedListener>]) -> R) -> Option<R> {
        let registry = self.registry();
        let look = |table: &Table| (!table.listeners.is_empty()).then(|| look(&table.listeners));
        if registry.has_listeners() { dispatch::with_table(registry, look) } else { None }
    }

    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.registry().clock.now()
    }

    pub(crate) fn system_time(&self, at: Time) -> u64 {
        self.registry().clock.system(at)
    }

    /// Identifies the set among all of the process.
    #[inline]
    pub(super) fn id(&self) -> u64 {
        self.registry().id
    }

    /// Returns whether both are handles to the same set.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    #[inline]
    pub(super) fn registry(&self) -> &Registry {
        match &self.0 {
            Handle::Global => &GLOBAL,
            Handle::Own(registry) => registry,
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if matches!(self.0, Handle::Global) { "Telemetry::global" } else { "Telemetry" };
        f.debug_struct(name).field("attached", &self.registry().attached.len()).finish_non_exhaustive()
    }
}
