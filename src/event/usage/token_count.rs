/// A token count as clients report it: an integer of any width, a float, or an `Option` of one. A negative count is unknown, as
/// is a float that is not finite.
///
/// # Examples
///
/// ```
/// use allm_telemetry::Usage;
///
/// let from_client: Option<i32> = None;
/// assert_eq!(Usage::new().input(12).output(from_client), Usage::new().input(12_u64));
/// assert_eq!(Usage::new().input(12.0).input_tokens(), Some(12));
/// ```
pub trait TokenCount {
    /// Returns the count, if it is known.
    fn known(self) -> Option<u64>;
}

impl<T: TokenCount> TokenCount for Option<T> {
    fn known(self) -> Option<u64> {
        self.and_then(T::known)
    }
}

macro_rules! token_counts {
    ($($integer:ty),*) => {
        $(impl TokenCount for $integer {
            fn known(self) -> Option<u64> {
                u64::try_from(self).ok()
            }
        })*
    };
}
token_counts!(u8, u16, u32, u64, usize, i32, i64);

/// Rounded to an integer. Some APIs declare their counts as floats.
impl TokenCount for f64 {
    fn known(self) -> Option<u64> {
        // The cast saturates.
        (self.is_finite() && self >= 0.0).then(|| self.round() as u64)
    }
}

impl TokenCount for f32 {
    fn known(self) -> Option<u64> {
        f64::from(self).known()
    }
}
