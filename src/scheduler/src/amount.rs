//! What pods ask for and nodes have, in whole numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::requests::ResourceList;

/// Amounts by resource, rounded up as upstream does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Thousandths of a CPU.
    pub milli_cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub ephemeral_storage: i64,
    /// Everything else: huge pages, extended resources. No zeros.
    pub scalars: BTreeMap<Arc<str>, i64>,
}

impl Amount {
    #[must_use]
    pub fn of(list: &ResourceList) -> Self {
        let mut amount = Self::default();
        for (name, quantity) in list {
            match name.as_str() {
                "cpu" => amount.milli_cpu = quantity.milli(),
                "memory" => amount.memory = quantity.units(),
                "ephemeral-storage" => amount.ephemeral_storage = quantity.units(),
                // A node's room for pods is a count of its own.
                "pods" => {}
                _ if quantity.is_zero() => {}
                _ => {
                    amount
                        .scalars
                        .insert(name.as_str().into(), quantity.units());
                }
            }
        }
        amount
    }

    pub fn add(&mut self, more: &Self) {
        self.combine(more, i64::saturating_add);
    }

    pub fn subtract(&mut self, less: &Self) {
        self.combine(less, i64::saturating_sub);
    }

    fn combine(&mut self, other: &Self, with: fn(i64, i64) -> i64) {
        self.milli_cpu = with(self.milli_cpu, other.milli_cpu);
        self.memory = with(self.memory, other.memory);
        self.ephemeral_storage = with(self.ephemeral_storage, other.ephemeral_storage);
        for (name, amount) in &other.scalars {
            let sum = with(self.scalar(name), *amount);
            if sum == 0 {
                self.scalars.remove(name);
            } else {
                self.scalars.insert(name.clone(), sum);
            }
        }
    }

    /// Of a resource that has no field of its own; 0 when absent.
    #[must_use]
    pub fn scalar(&self, name: &str) -> i64 {
        self.scalars.get(name).copied().unwrap_or(0)
    }

    /// By name, zeros left out: CPU in thousandths, all else whole.
    pub fn entries(&self) -> impl Iterator<Item = (&str, i64)> {
        let fixed = [
            ("cpu", self.milli_cpu),
            ("memory", self.memory),
            ("ephemeral-storage", self.ephemeral_storage),
        ];
        let scalars = self.scalars.iter().map(|(name, amount)| (&**name, *amount));
        fixed.into_iter().chain(scalars).filter(|(_, n)| *n != 0)
    }

    /// By name, as in [`Amount::entries`]; 0 when absent.
    #[must_use]
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.milli_cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.ephemeral_storage,
            _ => self.scalar(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_no_zeros() {
        let list = |entries: &[(&str, &str)]| {
            let parsed = entries.iter().map(|(name, text)| {
                let quantity = text.parse().expect("a quantity");
                ((*name).to_owned(), quantity)
            });
            Amount::of(&parsed.collect())
        };
        let mut sum = list(&[("cpu", "1500m"), ("memory", "1Ki"), ("pods", "110")]);
        let more = list(&[("cpu", "1"), ("example.com/gpu", "2"), ("other", "0")]);
        sum.add(&more);
        let shown: Vec<_> = sum.entries().collect();
        let expected = [("cpu", 2500), ("memory", 1024), ("example.com/gpu", 2)];
        assert_eq!(shown, expected);
        sum.subtract(&more);
        assert_eq!(sum, list(&[("cpu", "1500m"), ("memory", "1Ki")]));
    }
}
