//! A number or a text, keeping which it was: `80` is not `"80"`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i32),
    String(String),
}

impl IntOrString {
    /// From a JSON value; `None` for anything but a 32-bit number or a text.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Number(n) => n
                .as_i64()
                .and_then(|n| i32::try_from(n).ok())
                .map(Self::Int),
            Value::String(s) => Some(Self::String(s.clone())),
            _ => None,
        }
    }

    /// A number as it is, `"25%"` scaled by `total` and rounded up or down; `None` for another
    /// text (`intstr.GetScaledValueFromIntOrPercent`).
    #[must_use]
    pub fn scaled(&self, total: i32, round_up: bool) -> Option<i32> {
        match self {
            Self::Int(n) => Some(*n),
            Self::String(text) => {
                let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
                let product = percent * i64::from(total);
                let scaled = if round_up {
                    (product + 99).div_euclid(100)
                } else {
                    product / 100
                };
                i32::try_from(scaled).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_percentages() {
        let quarter = IntOrString::String("25%".into());
        assert_eq!(quarter.scaled(3, true), Some(1));
        assert_eq!(quarter.scaled(3, false), Some(0));
        assert_eq!(IntOrString::Int(2).scaled(3, false), Some(2));
        assert_eq!(IntOrString::String("two".into()).scaled(3, false), None);
    }
}
