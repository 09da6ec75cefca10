use super::*;

fn read_all(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = Reader::new(Stream(bytes));
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut data = Vec::new();
        reader.read_to_end(&mut data)?;
        entries.push((entry, data));
    }
    Ok(entries)
}

fn tar_header(name: &str, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).expect("a short name");
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4755);
    header.set_uid(1000);
    header.set_gid(2000);
    header.set_mtime(42);
    header.set_cksum();
    header
}

#[test]
fn reads_what_the_tar_crate_writes() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    let mut header = tar_header("x", tar::EntryType::Regular, 5);
    builder
        .append_data(&mut header, &long, &b"hello"[..])
        .expect("memory takes it");
    builder
        .append_pax_extensions([
            ("SCHILY.xattr.user.a", &b"b\0c"[..]),
            ("mtime", b"12.25"),
            ("uid", b"4000000000"),
        ])
        .expect("memory takes it");
    let header = tar_header("bin/su", tar::EntryType::Regular, 600);
    builder
        .append(&header, &[7; 600][..])
        .expect("memory takes it");
    let entries = read_all(&builder.into_inner().expect("finished")).expect("valid");
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].0.name, long.as_bytes());
    assert_eq!(entries[0].1, b"hello");
    let su = &entries[1].0;
    assert_eq!(
        (su.mode, su.uid, su.gid, su.size),
        (0o4755, 4_000_000_000, 2000, 600)
    );
    assert_eq!(
        su.mtime,
        Time {
            seconds: 12,
            nanoseconds: 250_000_000
        }
    );
    assert_eq!(su.xattrs, [(b"user.a".to_vec(), b"b\0c".to_vec())]);
    assert_eq!(entries[1].1, [7; 600]);
}

/// CVE-2025-62518: the header says zero, PAX says how much data follows. A reader that believes
/// the header would take the nested archive's entries for its own.
#[test]
fn a_pax_size_hides_a_nested_archive() {
    let mut nested = tar::Builder::new(Vec::new());
    nested
        .append(&tar_header("evil", tar::EntryType::Regular, 0), &b""[..])
        .expect("memory takes it");
    let nested = nested.into_inner().expect("finished");
    let mut outer = tar::Builder::new(Vec::new());
    let size = nested.len().to_string();
    outer
        .append_pax_extensions([("size", size.as_bytes())])
        .expect("memory takes it");
    let mut bytes = outer.get_ref().clone();
    bytes.extend_from_slice(tar_header("inner.tar", tar::EntryType::Regular, 0).as_bytes());
    bytes.extend_from_slice(&nested);
    let entries = read_all(&bytes).expect("valid");
    let names: Vec<_> = entries
        .iter()
        .map(|(entry, _)| entry.name.as_slice())
        .collect();
    assert_eq!(names, [b"inner.tar"]);
    assert_eq!(entries[0].1, nested);
}

#[test]
fn links_and_directories_carry_no_data_whatever_their_size_says() {
    let mut bytes = tar_header("d/", tar::EntryType::Directory, 4096)
        .as_bytes()
        .to_vec();
    bytes.extend_from_slice(tar_header("f", tar::EntryType::Regular, 0).as_bytes());
    let entries = read_all(&bytes).expect("valid");
    assert_eq!(entries[0].0.size, 0);
    assert_eq!(entries[1].0.name, b"f");
}

#[test]
fn broken_streams_are_refused() {
    let good = tar_header("f", tar::EntryType::Regular, 3);
    let mut wrong_sum = good.as_bytes().to_vec();
    wrong_sum[0] = b'g';
    let mut sparse = good.clone();
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_cksum();
    let mut volume = good.clone();
    volume.set_entry_type(tar::EntryType::new(b'V'));
    volume.set_cksum();
    let mut negative = good.clone();
    negative.as_mut_bytes()[124..136].fill(0xff);
    negative.set_cksum();
    let huge = tar_header("x", tar::EntryType::XHeader, 1 << 40);
    let cases: [(&[u8], &str); 7] = [
        (&good.as_bytes()[..300], "read tar: unexpected end of file"),
        (good.as_bytes(), "read tar: unexpected end of file"),
        (&wrong_sum, "invalid tar header at offset 0: wrong checksum"),
        (
            sparse.as_bytes(),
            r#"tar entry "f" is a sparse file, which is not supported"#,
        ),
        (
            volume.as_bytes(),
            r#"tar entry "f" is of an unknown type, which is not supported"#,
        ),
        (
            negative.as_bytes(),
            "invalid tar header at offset 0: size out of range",
        ),
        (
            huge.as_bytes(),
            "invalid tar header at offset 0: extension of more than 1 MiB",
        ),
    ];
    for (bytes, expected) in cases {
        let error = read_all(bytes).expect_err("refused").to_string();
        assert_eq!(error, expected);
    }
}

#[test]
fn an_archive_ends_at_a_zero_block_or_at_the_end_of_the_stream() {
    let mut bytes = tar_header("f", tar::EntryType::Regular, 0)
        .as_bytes()
        .to_vec();
    assert_eq!(read_all(&bytes).expect("valid").len(), 1);
    bytes.extend_from_slice(&[0; 512]);
    bytes.extend_from_slice(tar_header("after", tar::EntryType::Regular, 0).as_bytes());
    assert_eq!(read_all(&bytes).expect("valid").len(), 1);
    assert_eq!(read_all(b"").expect("valid").len(), 0);
}
