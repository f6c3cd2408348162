use std::fmt;
use std::time::Duration;

use super::clock::nanoseconds;

/// A number in an event: an integer or a float. Times are integers in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Number {
    /// An integer.
    Int(i64),
    /// An integer that does not fit [`Number::Int`].
    UInt(u64),
    /// A float.
    Float(f64),
}

impl Number {
    /// Returns the number as an unsigned integer, if it is one.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Int(value) => u64::try_from(value).ok(),
            Self::UInt(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    /// Returns the number as a float; large integers are rounded.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::UInt(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => fmt::Display::fmt(value, f),
            Self::UInt(value) => fmt::Display::fmt(value, f),
            Self::Float(value) => fmt::Display::fmt(value, f),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        // Each integer has exactly one representation, so that derived equality is correct.
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

/// In nanoseconds. A duration of over 584 years is reported as `u64::MAX`.
impl From<Duration> for Number {
    fn from(value: Duration) -> Self {
        Self::from(nanoseconds(value))
    }
}

macro_rules! from_small {
    ($($int:ty),* => $float:ty) => {
        $(impl From<$int> for Number {
            fn from(value: $int) -> Self {
                Self::Int(value.into())
            }
        })*
        impl From<$float> for Number {
            fn from(value: $float) -> Self {
                Self::Float(value.into())
            }
        }
    };
}
from_small!(i8, i16, i32, i64, u8, u16, u32 => f64);

/// As the decimal number that an `f32` is written as: 0.7 remains 0.7. The nearest `f64` is 0.699999988079071.
impl From<f32> for Number {
    fn from(value: f32) -> Self {
        Self::Float(value.to_string().parse().unwrap_or(value.into()))
    }
}
