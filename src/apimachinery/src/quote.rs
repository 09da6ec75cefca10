//! How Go's package `time` quotes what it cannot parse.

/// In double quotes; what is not printable ASCII as its bytes in hex. A tail may begin within a
/// character.
pub(crate) fn quoted(text: impl AsRef<[u8]>) -> String {
    let mut quoted = String::from("\"");
    for &byte in text.as_ref() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=0x7f => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}
