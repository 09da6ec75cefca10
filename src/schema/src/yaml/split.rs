//! A text of several documents, as kubectl cuts it: at lines that begin with `---`.

use serde_json::Value;

use super::YamlError;

pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The documents' texts, each without the separator that ends it.
pub(super) fn documents(text: &str) -> Result<Vec<String>, YamlError> {
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(YamlError::Separator(rest.to_owned()));
            }
            if !current.is_empty() {
                documents.push(std::mem::take(&mut current));
                continue;
            }
        }
        current.push_str(line);
    }
    if !current.is_empty() {
        documents.push(current);
    }
    Ok(documents)
}

/// JSON values one after another, or nothing when the text is not that.
pub(super) fn json_stream(text: &str) -> Option<Vec<Value>> {
    if !looks_like_json(text) {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.collect::<Result<_, _>>().ok()
}
