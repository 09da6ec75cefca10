//! The one step of each write at which `metadata.managedFields` are settled: after admission has
//! changed the object, before the strategy does.

use apimachinery::Object;
use serde_json::Value;

const FIELD: &str = "managedFields";

/// Settles the managedFields of a write. What a client sends for them is passed over, but for the
/// empty list (or a list of one empty entry), which resets them, as upstream has it. `old` is the
/// object before; `None` when it is made.
pub fn settle(new: &mut Object, old: Option<&Object>) {
    let sent = new.metadata_mut().remove(FIELD);
    if sent.as_ref().is_some_and(is_reset) {
        return;
    }
    let kept = old.and_then(|old| old.metadata()?.get(FIELD)).cloned();
    if let Some(kept) = kept {
        new.metadata_mut().insert(FIELD.to_owned(), kept);
    }
}

fn is_reset(sent: &Value) -> bool {
    match sent.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_an_empty_list_resets_them() {
        let object = |fields: &Value| {
            let metadata = json!({"name": "a", "managedFields": fields});
            Object::from_value(json!({"metadata": metadata})).expect("an object")
        };
        let recorded = json!([{"manager": "kubectl"}]);
        let other = json!([{"manager": "mine"}]);
        let rows = [
            (json!(null), Some(&recorded)),
            (other.clone(), Some(&recorded)),
            (json!([]), None),
            (json!([{}]), None),
        ];
        for (sent, expected) in rows {
            let mut new = object(&sent);
            settle(&mut new, Some(&object(&recorded)));
            let settled = new.metadata().and_then(|metadata| metadata.get(FIELD));
            assert_eq!(settled, expected, "{sent}");
        }
        let mut made = object(&other);
        settle(&mut made, None);
        assert_eq!(
            made,
            Object::from_value(json!({"metadata": {"name": "a"}})).expect("one")
        );
    }
}
