//! Kubernetes' quantities, such as `250m` and `128Mi`. Pure.

use std::str::FromStr;

/// What a unit is made of: the finest that Kubernetes knows.
const NANO: i128 = 1_000_000_000;

/// An amount of a resource, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity(i128);

impl Quantity {
    /// How many times `other` it is, rounded up.
    pub(super) fn divided_by(self, other: Self) -> i128 {
        let (whole, rest) = (self.0 / other.0.max(1), self.0 % other.0.max(1));
        if rest > 0 { whole + 1 } else { whole }
    }
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} is no quantity such as 250m or 128Mi");
        let end = text.find(|letter: char| !matches!(letter, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let unit = unit(suffix).ok_or_else(invalid)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}").parse::<i128>().map_err(|_| invalid())?;
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).map_err(|_| invalid())?).ok_or_else(invalid)?;
        let amount = digits.checked_mul(unit).ok_or_else(invalid)?;
        Ok(Self(amount / scale + i128::from(amount % scale > 0)))
    }
}

/// What a suffix stands for, in billionths.
fn unit(suffix: &str) -> Option<i128> {
    let power = |base: i128, exponent: u32| base.checked_pow(exponent).and_then(|power| power.checked_mul(NANO));
    match suffix {
        "" => Some(NANO),
        "n" => Some(1),
        "u" => Some(1_000),
        "m" => Some(1_000_000),
        "k" => power(1000, 1),
        "M" => power(1000, 2),
        "G" => power(1000, 3),
        "T" => power(1000, 4),
        "P" => power(1000, 5),
        "E" => power(1000, 6),
        "Ki" => power(1024, 1),
        "Mi" => power(1024, 2),
        "Gi" => power(1024, 3),
        "Ti" => power(1024, 4),
        "Pi" => power(1024, 5),
        "Ei" => power(1024, 6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<u32>().ok()?;
            power(10, exponent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_divided_and_rounded_up() {
        for (amount, divisor, expected) in [
            ("250m", "1", 1),
            ("250m", "1m", 250),
            ("128Mi", "1", 134_217_728),
            ("128Mi", "1Mi", 128),
            ("1.5Gi", "1Mi", 1536),
            ("0", "1", 0),
            ("2", "1m", 2000),
            ("1e3", "1k", 1),
            ("0.1", "1m", 100),
        ] {
            let quantity = |text: &str| text.parse::<Quantity>();
            let divided = quantity(amount).and_then(|amount| Ok(amount.divided_by(quantity(divisor)?)));
            assert_eq!(divided, Ok(expected), "{amount} / {divisor}");
        }
        assert!("much".parse::<Quantity>().is_err() && "1e999".parse::<Quantity>().is_err());
    }
}
