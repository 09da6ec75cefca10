//! Authorities and serving certificates, as rcgen writes them.

use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certificate::{Contents, Issuer, San, Subject, Validity, serial};
use crate::key::PrivateKey;

/// A self-signed authority.
pub(crate) fn authority(
    subject: &Subject,
    key: &PrivateKey,
    validity: Validity,
) -> Result<CertificateDer<'static>, rustls::Error> {
    let mut params = params(subject, validity);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    Ok(params.self_signed(key).map_err(failed)?.into())
}

/// A serving certificate; `None` when rcgen cannot hold the issuer's or the subject's name.
pub(crate) fn serving(
    contents: &Contents<'_>,
    issuer: &Issuer<'_>,
) -> Result<Option<CertificateDer<'static>>, rustls::Error> {
    let Ok(signer) = rcgen::Issuer::from_ca_cert_der(issuer.certificate, issuer.key) else {
        return Ok(None);
    };
    let mut params = params(contents.subject, contents.validity);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let names: Result<_, _> = contents.sans.iter().map(name).collect();
    params.subject_alt_names = names.map_err(failed)?;
    let signed = params.signed_by(contents.key, &signer).map_err(failed)?;
    let whole = names_are_whole(signed.der(), contents, issuer);
    Ok(whole.then(|| signed.into()))
}

fn params(subject: &Subject, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for organization in &subject.organizations {
        let names = &mut params.distinguished_name;
        names.push(DnType::OrganizationName, organization.as_str());
    }
    let names = &mut params.distinguished_name;
    names.push(DnType::CommonName, subject.common_name.as_str());
    params.serial_number = Some(serial().to_vec().into());
    params.not_before = SystemTime::from(validity.not_before).into();
    params.not_after = SystemTime::from(validity.not_after).into();
    params
}

fn name(san: &San) -> Result<SanType, rcgen::Error> {
    Ok(match san {
        San::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        San::Ip(ip) => SanType::IpAddress(*ip),
    })
}

/// Whether rcgen kept both names byte for byte: a chain is followed by the issuer's, and a
/// leaf's file is judged by the subject's.
fn names_are_whole(der: &[u8], contents: &Contents<'_>, issuer: &Issuer<'_>) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, written)| {
        written.issuer().as_raw() == issuer.name
            && written.subject().as_raw() == contents.subject.to_der()
    })
}

fn failed(error: rcgen::Error) -> rustls::Error {
    rustls::Error::General(error.to_string())
}
