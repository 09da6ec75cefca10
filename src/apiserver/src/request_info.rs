//! What a request is about, read from its method, path and query alone.

use std::borrow::Cow;

use http::{Method, Uri};
use resources::{Resource, Served, Subresource, Verb};

/// What authorization, the routes and the log need to know.
#[derive(Clone, Default)]
pub struct RequestInfo {
    pub method: Method,
    /// `get`, `list`, `create`, …; for other paths the lower-case method.
    pub verb: Cow<'static, str>,
    /// `Some` for paths of the API.
    pub resource: Option<ResourcePath>,
    /// The kind that it names, if that is served.
    pub served: Option<Served>,
    pub path: String,
}

/// `/apis/<group>/<version>/namespaces/<namespace>/<resource>/<name>/<subresource>`, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    pub group: String,
    pub version: String,
    /// Empty for cluster-scoped objects and for lists over all namespaces.
    pub namespace: String,
    pub resource: String,
    /// Empty for a collection.
    pub name: String,
    pub subresource: String,
    /// What follows the subresource, without a leading slash.
    pub rest: String,
    /// `/api/v1/watch/…`: the older way to watch a collection, or one object, whatever the query
    /// says.
    pub watch: bool,
}

impl RequestInfo {
    /// Reads a request line.
    #[must_use]
    pub fn of(method: &Method, uri: &Uri) -> Self {
        let path = uri.path().to_owned();
        let resource = parse_path(&path);
        let verb = match &resource {
            Some(resource) => verb_of(method, uri, resource),
            None => method.as_str().to_ascii_lowercase().into(),
        };
        let served = resource
            .as_ref()
            .and_then(|r| resources::by_resource(&r.group, &r.version, &r.resource));
        Self {
            method: method.clone(),
            verb,
            resource,
            served,
            path,
        }
    }

    /// The row of the kind that it names, if that is served.
    #[must_use]
    pub fn row(&self) -> Option<&'static Resource> {
        self.served.map(|served| served.row)
    }

    /// A watch, a log, an exec: what may last and has no deadline. Only what is served as such
    /// counts: a path that merely looks so takes a place like any other.
    #[must_use]
    pub fn is_long_running(&self) -> bool {
        let Some((path, row)) = self.resource.as_ref().zip(self.row()) else {
            return false;
        };
        if self.verb == Verb::Watch.as_str() {
            return row.verbs.contains(&Verb::Watch);
        }
        let subresource = row.subresource(&path.subresource);
        if !path.rest.is_empty() && !subresource.is_some_and(Subresource::has_paths) {
            return false;
        }
        match subresource {
            Some(Subresource::Connect { name, .. }) => match *name {
                "log" => self.verb == "get",
                "exec" | "attach" | "portforward" => {
                    matches!(self.verb.as_ref(), "get" | "create")
                }
                name => name == "proxy",
            },
            _ => false,
        }
    }

    /// Whether it changes nothing (upstream's read-only requests).
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.verb.as_ref(), "get" | "list" | "watch" | "head")
    }
}

fn parse_path(path: &str) -> Option<ResourcePath> {
    let mut segments = path.trim_matches('/').split('/').map(decode);
    let (group, version) = match segments.next()??.as_str() {
        "api" => (String::new(), segments.next()??),
        "apis" => (segments.next()??, segments.next()??),
        _ => return None,
    };
    let mut rest: Vec<String> = segments.collect::<Option<_>>()?;
    if rest.is_empty() || rest.iter().any(String::is_empty) {
        return None;
    }
    let watch = rest[0] == Verb::Watch.as_str() && rest.len() > 1;
    if watch {
        rest.remove(0);
    }
    let mut namespace = String::new();
    // `namespaces/<name>` itself, its status and its finalize are about the namespace.
    let in_namespace = rest[0] == "namespaces"
        && rest.len() > 2
        && !matches!(rest[2].as_str(), "status" | "finalize");
    if in_namespace {
        namespace = rest.remove(1);
        rest.remove(0);
    } else if rest[0] == "namespaces" && rest.len() > 1 {
        namespace = rest[1].clone();
    }
    let mut rest = rest.into_iter();
    let mut next = || rest.next().unwrap_or_default();
    let (resource, name, subresource) = (next(), next(), next());
    let rest = rest.collect::<Vec<_>>().join("/");
    Some(ResourcePath {
        group,
        version,
        namespace,
        resource,
        name,
        subresource,
        rest,
        watch,
    })
}

fn verb_of(method: &Method, uri: &Uri, path: &ResourcePath) -> Cow<'static, str> {
    if path.watch {
        return Verb::Watch.as_str().into();
    }
    let verb = match (method.as_str(), path.name.is_empty()) {
        ("GET", true) if is_true(&query(uri, "watch")) => Verb::Watch,
        ("GET" | "HEAD", true) => Verb::List,
        ("GET" | "HEAD", false) => Verb::Get,
        ("POST", _) => Verb::Create,
        ("PUT", _) => Verb::Update,
        ("PATCH", _) => Verb::Patch,
        ("DELETE", true) => Verb::DeleteCollection,
        ("DELETE", false) => Verb::Delete,
        (other, _) => return other.to_ascii_lowercase().into(),
    };
    verb.as_str().into()
}

/// The first value of a query parameter, decoded; empty when absent.
#[must_use]
pub fn query(uri: &Uri, name: &str) -> String {
    queries(uri, name).next().unwrap_or_default()
}

/// All values of a query parameter, decoded, in order.
pub fn queries<'a>(uri: &'a Uri, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    pairs.filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let escaped = key.contains(['%', '+']);
        let fits =
            key == name || escaped && decode(&key.replace('+', " ")).as_deref() == Some(name);
        fits.then(|| decode(&value.replace('+', " ")).unwrap_or_default())
    })
}

/// Whether a query parameter is there at all.
#[must_use]
pub fn asked(uri: &Uri, name: &str) -> bool {
    queries(uri, name).next().is_some()
}

/// Go's `strconv.ParseBool` as query conversion uses it: anything but false and 0 is true.
#[must_use]
pub fn is_true(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "" | "false" | "0")
}

/// Percent-decodes a segment once; `None` when the result is no UTF-8 or the escape is broken.
pub(crate) fn decode(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str, uri: &str) -> String {
        let method = method.parse().expect("a method");
        let info = RequestInfo::of(&method, &uri.parse().expect("a uri"));
        match info.resource {
            None => format!("{} {}", info.verb, info.path),
            Some(r) => format!(
                "{} {}/{} ns={} {} name={} sub={} rest={}",
                info.verb,
                r.group,
                if r.watch {
                    format!("{}/watch", r.version)
                } else {
                    r.version
                },
                r.namespace,
                r.resource,
                r.name,
                r.subresource,
                r.rest
            ),
        }
    }

    #[test]
    fn paths_are_read() {
        let rows = [
            ("GET", "/healthz", "get /healthz"),
            ("GET", "/apis/apps/v1", "get /apis/apps/v1"),
            ("GET", "/api/v1/pods", "list /v1 ns= pods name= sub= rest="),
            (
                "GET",
                "/api/v1/pods?watch=1",
                "watch /v1 ns= pods name= sub= rest=",
            ),
            (
                "GET",
                "/api/v1/pods/?watch=false",
                "list /v1 ns= pods name= sub= rest=",
            ),
            (
                "GET",
                "/api/v1/namespaces/a",
                "get /v1 ns=a namespaces name=a sub= rest=",
            ),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update /v1 ns=a namespaces name=a sub=finalize rest=",
            ),
            (
                "POST",
                "/apis/apps/v1/namespaces/a/deployments",
                "create apps/v1 ns=a deployments name= sub= rest=",
            ),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/a/deployments/w/scale",
                "patch apps/v1 ns=a deployments name=w sub=scale rest=",
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods",
                "deletecollection /v1 ns=a pods name= sub= rest=",
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods/p:80/proxy/x/y",
                "get /v1 ns=a pods name=p:80 sub=proxy rest=x/y",
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods/%2e%2e%2fb",
                "get /v1 ns=a pods name=../b sub= rest=",
            ),
            (
                "GET",
                "/api/v1/namespaces//pods",
                "get /api/v1/namespaces//pods",
            ),
            ("GET", "/api/v1/%zz", "get /api/v1/%zz"),
            (
                "GET",
                "/api/v1/watch/pods",
                "watch /v1/watch ns= pods name= sub= rest=",
            ),
            (
                "GET",
                "/apis/apps/v1/watch/namespaces/a/deployments/d?watch=0",
                "watch apps/v1/watch ns=a deployments name=d sub= rest=",
            ),
            (
                "POST",
                "/api/v1/watch/namespaces/a",
                "watch /v1/watch ns=a namespaces name=a sub= rest=",
            ),
            (
                "GET",
                "/api/v1/watch",
                "list /v1 ns= watch name= sub= rest=",
            ),
        ];
        for (method, uri, expected) in rows {
            assert_eq!(info(method, uri), expected, "{method} {uri}");
        }
    }

    #[test]
    fn what_may_last_is_told_by_verb_and_path() {
        let pod = "/api/v1/namespaces/a/pods/p";
        let rows = [
            ("GET", "/api/v1/pods?watch=true", true),
            ("GET", "/api/v1/nothings?watch=true", false),
            ("GET", "/api/v1/componentstatuses?watch=true", false),
            ("GET", "/api/v1/pods", false),
            ("GET", pod, false),
            ("GET", &format!("{pod}/log"), true),
            ("GET", &format!("{pod}/log/more"), false),
            ("GET", "/api/v1/watch/pods", true),
            ("GET", "/api/v1/watch/namespaces/a/pods/p", true),
            ("GET", "/api/v1/watch/componentstatuses", false),
            // Upstream has it last although it is not served: here it takes a place.
            ("POST", &format!("{pod}/log"), false),
            ("DELETE", &format!("{pod}/log"), false),
            ("GET", "/api/v1/nodes/n/log", false),
            ("GET", "/api/v1/nothings/x/exec", false),
            ("POST", &format!("{pod}/binding"), false),
            ("GET", "/healthz?watch=true", false),
            ("POST", "/exec", false),
        ];
        for (method, uri, expected) in rows {
            let method = method.parse().expect("a method");
            let info = RequestInfo::of(&method, &uri.parse().expect("a uri"));
            assert_eq!(info.is_long_running(), expected, "{method} {uri}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        let uri: Uri = "/x?labelSelector=a%3Db%2Cc&command=x&command=y+z"
            .parse()
            .expect("a uri");
        assert_eq!(query(&uri, "labelSelector"), "a=b,c");
        assert_eq!(queries(&uri, "command").collect::<Vec<_>>(), ["x", "y z"]);
        assert_eq!(query(&uri, "absent"), "");
    }
}
