//! PEM texts (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block, in lines of 64 characters.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(64) {
        out.push_str(&text[start..text.len().min(start + 64)]);
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// A chain of certificates, one block each.
pub(crate) fn certificates<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> String {
    let blocks = chain.into_iter().map(|der| encode("CERTIFICATE", der));
    blocks.collect()
}
