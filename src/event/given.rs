use std::borrow::Cow;

use super::number::Number;

/// A number as clients have it: of any width, or an `Option` of one. `None` is not set.
///
/// # Examples
///
/// ```
/// use allm_telemetry::Span;
///
/// # struct Request { temperature: Option<f32>, max_tokens: Option<u32> }
/// fn span_of(request: &Request) -> Span {
///     Span::generate().temperature(request.temperature).max_tokens(request.max_tokens).top_k(40)
/// }
/// # span_of(&Request { temperature: Some(0.7), max_tokens: None });
/// ```
pub trait OptionalNumber {
    /// Returns the number, if it is set.
    fn given(self) -> Option<Number>;
}

impl<T: OptionalNumber> OptionalNumber for Option<T> {
    fn given(self) -> Option<Number> {
        self.and_then(T::given)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl OptionalNumber for $number {
            fn given(self) -> Option<Number> {
                Some(self.into())
            }
        })*
    };
}
numbers!(i8, i16, i32, i64, u8, u16, u32, u64, usize, f32, f64, Number);

/// A text as clients have it: a `&str`, a `String`, a `Cow`, or an `Option` of one. `None` and an empty text are not set.
///
/// # Examples
///
/// ```
/// use allm_telemetry::Span;
///
/// # struct Session { conversation: Option<String>, model: String }
/// fn span_of(session: &Session) -> Span {
///     Span::chat().model(&session.model).conversation_id(session.conversation.as_deref())
/// }
/// # span_of(&Session { conversation: None, model: "gpt-5".into() });
/// ```
pub trait OptionalText<'t> {
    /// Returns the text, if it is set.
    fn given(self) -> Option<Cow<'t, str>>;
}

impl<'t, T: OptionalText<'t>> OptionalText<'t> for Option<T> {
    fn given(self) -> Option<Cow<'t, str>> {
        self.and_then(T::given)
    }
}

impl<'t> OptionalText<'t> for Cow<'t, str> {
    fn given(self) -> Option<Self> {
        (!self.is_empty()).then_some(self)
    }
}

macro_rules! texts {
    ($($text:ty),*) => {
        $(impl<'t> OptionalText<'t> for $text {
            fn given(self) -> Option<Cow<'t, str>> {
                Cow::from(self).given()
            }
        })*
    };
}
texts!(&'t str, &'t String, String);
