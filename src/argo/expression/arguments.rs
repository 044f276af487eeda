//! The arguments of a called function, read with the types the function asks for.

use serde_json::{Map, Value};

use super::golang;
use super::operators::Numeric;

/// Arguments, by position.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'v>(pub(super) &'v [Value], Nil);

/// What nil is where a type is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nil {
    Wrong,
    Zero,
}

impl<'v> Arguments<'v> {
    /// Arguments of the language's own functions.
    pub(super) fn strict(values: &'v [Value]) -> Self {
        Self(values, Nil::Wrong)
    }

    /// Arguments of functions of the environment: the language calls those with the type's zero for nil.
    pub(super) fn with_zeros(values: &'v [Value]) -> Self {
        Self(values, Nil::Zero)
    }

    fn zero<T>(self, value: &Value, zero: T) -> Option<T> {
        (self.1 == Nil::Zero && value.is_null()).then_some(zero)
    }

    /// Refuses a number of arguments outside of the range.
    pub(super) fn count(self, least: usize, most: usize) -> Result<(), String> {
        let given = self.0.len();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        Err(match (least, most) {
            (least, usize::MAX) => format!("expected at least {least} arguments, got {given}"),
            (least, most) if least == most => format!("expected {least} arguments, got {given}"),
            (least, most) => format!("expected {least} to {most} arguments, got {given}"),
        })
    }

    /// The argument, whatever it is.
    pub(super) fn any(self, index: usize) -> Result<&'v Value, String> {
        self.0.get(index).ok_or_else(|| format!("argument {} is missing", index + 1))
    }

    /// All arguments from this position on.
    pub(super) fn from(self, index: usize) -> &'v [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    pub(super) fn text(self, index: usize) -> Result<&'v str, String> {
        let value = self.any(index)?;
        value.as_str().or_else(|| self.zero(value, "")).ok_or_else(|| wrong(index, "a string", value))
    }

    pub(super) fn integer(self, index: usize) -> Result<i64, String> {
        let value = self.any(index)?;
        match Numeric::of(value) {
            Some(Numeric::Integer(integer)) => Ok(integer),
            _ => self.zero(value, 0).ok_or_else(|| wrong(index, "an integer", value)),
        }
    }

    pub(super) fn number(self, index: usize) -> Result<Numeric, String> {
        let value = self.any(index)?;
        Numeric::of(value).ok_or_else(|| wrong(index, "a number", value))
    }

    pub(super) fn bool(self, index: usize) -> Result<bool, String> {
        let value = self.any(index)?;
        value.as_bool().or_else(|| self.zero(value, false)).ok_or_else(|| wrong(index, "a bool", value))
    }

    pub(super) fn list(self, index: usize) -> Result<&'v Vec<Value>, String> {
        let value = self.any(index)?;
        value.as_array().ok_or_else(|| wrong(index, "a list", value))
    }

    pub(super) fn map(self, index: usize) -> Result<&'v Map<String, Value>, String> {
        let value = self.any(index)?;
        value.as_object().ok_or_else(|| wrong(index, "a map", value))
    }
}

fn wrong(index: usize, expected: &str, value: &Value) -> String {
    let got = golang::type_name(value);
    format!("argument {} must be {expected}, not {got}", index + 1)
}
