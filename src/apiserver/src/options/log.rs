//! PodLogOptions: which lines of a log.

use apimachinery::{FieldError, FieldErrors, GroupVersionKind, Path, StatusError, time};
use http::Uri;

use super::read::optional;
use crate::request_info::{is_true, queries, query};

const FLAGS: [&str; 3] = ["follow", "previous", "timestamps"];

/// The options of a request for the log of `pod`, as the kubelet's query: nothing that is not
/// checked goes there.
///
/// # Errors
/// BadRequest for what cannot be read, Invalid for options that cannot be.
pub fn log(uri: &Uri, pod: &str) -> Result<String, StatusError> {
    let numbers = ["sinceSeconds", "tailLines", "limitBytes"];
    let [since, tail, limit] = numbers.map(|name| optional(uri, name));
    let (since, tail, limit) = (since?, tail?, limit?);
    let since_time = since_time(uri)?;
    let mut errors = FieldErrors::new();
    let mut at_least = |name: &str, least: i64, given: Option<i64>, text: &str| {
        if let Some(number) = given.filter(|number| *number < least) {
            errors.push(FieldError::invalid(&Path::new(name), number, text));
        }
    };
    at_least("tailLines", 0, tail, "must be greater than or equal to 0");
    at_least("limitBytes", 1, limit, "must be greater than 0");
    if since.is_some() && since_time.is_some() {
        let text = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        // So upstream prints a path without a name.
        errors.push(FieldError::forbidden(&Path::new("[]"), text));
    } else {
        at_least("sinceSeconds", 1, since, "must be greater than 0");
    }
    if queries(uri, "stream").next().is_some() {
        let text = "may not be specified";
        errors.push(FieldError::forbidden(&Path::new("stream"), text));
    }
    if !errors.is_empty() {
        const KIND: GroupVersionKind = GroupVersionKind::new("", "v1", "PodLogOptions");
        return Err(StatusError::invalid(&KIND, pod, &errors));
    }
    let flags = FLAGS.into_iter().filter(|flag| is_true(&query(uri, flag)));
    let flags = flags.map(|flag| (flag, "true".to_owned()));
    let given = numbers.into_iter().zip([since, tail, limit]);
    let numbers = given.filter_map(|(name, number)| Some((name, number?.to_string())));
    let times = since_time.map(|since| ("sinceTime", since));
    let all = flags.chain(numbers).chain(times);
    let pairs: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
    Ok(pairs.join("&"))
}

/// In UTC, so that it has no sign to escape. An empty one and `null` are Go's zero time, which is
/// before all lines, but given.
fn since_time(uri: &Uri) -> Result<Option<String>, StatusError> {
    let Some(text) = queries(uri, "sinceTime").next() else {
        return Ok(None);
    };
    if matches!(text.as_str(), "" | "null") {
        return Ok(Some("0001-01-01T00:00:00Z".to_owned()));
    }
    match time::parse_go(&text) {
        Ok(since) => Ok(Some(since.to_string())),
        Err(error) => Err(StatusError::bad_request(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked_and_passed_on() {
        let invalid = "PodLogOptions \"p\" is invalid: ";
        let rows: [(&str, Result<&str, String>); 13] = [
            ("", Ok("")),
            (
                "follow=true&previous=0&tailLines=5&limitBytes=7&container=x&other=y",
                Ok("follow=true&tailLines=5&limitBytes=7"),
            ),
            (
                "sinceTime=2026-01-10T13:00:00.5%2B01:00&timestamps=1",
                Ok("timestamps=true&sinceTime=2026-01-10T12:00:00.5Z"),
            ),
            (
                "sinceTime=null&tailLines=1",
                Ok("tailLines=1&sinceTime=0001-01-01T00:00:00Z"),
            ),
            ("sinceTime=", Ok("sinceTime=0001-01-01T00:00:00Z")),
            (
                "tailLines=-1&limitBytes=0&sinceSeconds=0",
                Err(format!(
                    "{invalid}[tailLines: Invalid value: -1: must be greater than or equal to 0, \
                     limitBytes: Invalid value: 0: must be greater than 0, sinceSeconds: Invalid \
                     value: 0: must be greater than 0]"
                )),
            ),
            (
                "sinceSeconds=0&sinceTime=2026-01-10T12:00:00Z",
                Err(format!(
                    "{invalid}[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be \
                     specified"
                )),
            ),
            (
                "stream=Stdout",
                Err(format!("{invalid}stream: Forbidden: may not be specified")),
            ),
            (
                "stream=",
                Err(format!("{invalid}stream: Forbidden: may not be specified")),
            ),
            (
                "tailLines=x",
                Err("strconv.ParseInt: parsing \"x\": invalid syntax".to_owned()),
            ),
            (
                "tailLines=1%26follow%3Dtrue",
                Err("strconv.ParseInt: parsing \"1&follow=true\": invalid syntax".to_owned()),
            ),
            (
                "sinceTime=x",
                Err(
                    "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \
                     \"2006\""
                        .to_owned(),
                ),
            ),
            (
                "sinceTime=2026-13-01T00:00:00Z",
                Err("parsing time \"2026-13-01T00:00:00Z\": month out of range".to_owned()),
            ),
        ];
        for (asked, expected) in rows {
            let uri = format!("/x?{asked}").parse().expect("a uri");
            let got = log(&uri, "p").map_err(|error| error.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{asked}");
        }
    }
}
