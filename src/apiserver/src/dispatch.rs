//! From a request about a resource to the one handler of its verb.

use apimachinery::{RequestCx, StatusError};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use registry::{Target, Writer};
use resources::{Resource, Served, Subresource, Verb};

use crate::request_info::{RequestInfo, ResourcePath};
use crate::{State, answers, connect, negotiate, verbs};

/// A request about a resource, with all that its verb's handler needs.
pub(crate) struct Call<'a> {
    pub state: &'a State,
    /// The kind, in the version that the path names.
    pub served: Served,
    pub row: &'static Resource,
    pub path: &'a ResourcePath,
    pub cx: &'a RequestCx,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: Bytes,
}

impl Call<'_> {
    /// Writes on behalf of this request.
    pub fn writer(&self) -> Writer<'_> {
        self.writer_of(self.served)
    }

    /// Writes to another kind than the request is about.
    pub fn writer_of(&self, served: Served) -> Writer<'_> {
        let (registry, admission) = (&self.state.parts.registry, &*self.state.parts.admission);
        registry.writer(served, self.cx, admission)
    }

    /// The object that the path names.
    pub fn target(&self) -> Target<'_> {
        let namespace = if self.row.namespaced() {
            self.path.namespace.as_str()
        } else {
            ""
        };
        Target {
            namespace,
            name: &self.path.name,
        }
    }

    /// The namespace of a collection, `None` for all.
    pub fn namespace(&self) -> Option<&str> {
        let namespace = self.path.namespace.as_str();
        (self.row.namespaced() && !namespace.is_empty()).then_some(namespace)
    }

    /// The row's own name of the subresource; empty for the main resource.
    pub fn subresource(&self) -> &'static str {
        self.row
            .subresource(&self.path.subresource)
            .map_or("", Subresource::name)
    }
}

/// Answers a request about a resource.
pub(crate) async fn dispatch(
    state: &State,
    info: &RequestInfo,
    path: &ResourcePath,
    cx: &RequestCx,
    request: (&Uri, &HeaderMap, Bytes),
) -> Result<Response<Body>, StatusError> {
    let served = info.served.ok_or_else(StatusError::no_such_resource)?;
    let row = served.row;
    check_scope(row, path)?;
    check_watch(row, path, &info.method)?;
    check_segment("Namespace", &path.namespace)?;
    check_segment("Name", &path.name)?;
    let (uri, headers, body) = request;
    if let Some(text) = row.deprecated {
        cx.warn(text);
    }
    let call = Call {
        state,
        served,
        row,
        path,
        cx,
        uri,
        headers,
        body,
    };
    let subresource = row.subresource(&path.subresource);
    if !path.rest.is_empty() && !subresource.is_some_and(Subresource::has_paths) {
        return Err(StatusError::no_such_resource());
    }
    if let Some(Subresource::Connect { name, verbs, .. }) = subresource {
        allowed(verbs, &info.verb)?;
        return connect::connect(call, name).await;
    }
    // Before anything is done: an answer that the client does not take must not follow a write.
    negotiate::acceptable(headers, has_table(row, subresource))?;
    if path.subresource.is_empty() {
        return main_resource(call, &info.verb).await;
    }
    match subresource {
        None | Some(Subresource::Connect { .. }) => Err(StatusError::no_such_resource()),
        Some(Subresource::Create { hook, kind, .. }) => {
            allowed(&[Verb::Create], &info.verb)?;
            verbs::subresource::create(call, kind, *hook).await
        }
        Some(Subresource::Scale { .. }) => verbs::scale::handle(call, &info.verb).await,
        Some(Subresource::View { verbs, .. }) => {
            allowed(verbs, &info.verb)?;
            one_object(call, &info.verb).await
        }
        Some(Subresource::Status) => one_object(call, &info.verb).await,
    }
}

/// Whether there is a Table of what a path names: what can only be created has none.
fn has_table(row: &Resource, subresource: Option<&Subresource>) -> bool {
    match subresource {
        None => row.verbs.contains(&Verb::Get),
        Some(Subresource::Create { .. }) => false,
        Some(_) => true,
    }
}

async fn main_resource(call: Call<'_>, verb: &str) -> Result<Response<Body>, StatusError> {
    allowed(call.row.verbs, verb)?;
    if let Some(kind) = call.row.answer {
        return answers::handle(call, kind).await;
    }
    if call.path.name.is_empty() || call.path.watch {
        return collection(call, verb).await;
    }
    match verb {
        "delete" => verbs::delete::handle(call).await,
        _ => one_object(call, verb).await,
    }
}

async fn collection(call: Call<'_>, verb: &str) -> Result<Response<Body>, StatusError> {
    // All namespaces together can only be read.
    let writable = call.namespace().is_some() || !call.row.namespaced();
    match verb {
        "list" => verbs::list::handle(call).await,
        "watch" => verbs::watch::handle(call).await,
        "create" if writable => verbs::create::handle(call).await,
        "deletecollection" if writable => verbs::delete_collection::handle(call).await,
        _ => Err(StatusError::method_not_allowed()),
    }
}

async fn one_object(call: Call<'_>, verb: &str) -> Result<Response<Body>, StatusError> {
    match verb {
        "get" => verbs::get::handle(call).await,
        "update" => verbs::update::handle(call).await,
        "patch" => verbs::patch::handle(call).await,
        _ => Err(StatusError::method_not_allowed()),
    }
}

fn allowed(verbs: &[Verb], verb: &str) -> Result<(), StatusError> {
    if verbs.iter().any(|allowed| allowed.as_str() == verb) {
        Ok(())
    } else {
        Err(StatusError::method_not_allowed())
    }
}

/// A namespaced kind is written to within a namespace, a cluster-scoped one outside.
fn check_scope(row: &Resource, path: &ResourcePath) -> Result<(), StatusError> {
    let is_namespace = row.plural == path.resource && path.namespace == path.name;
    let fits = if row.namespaced() {
        !path.namespace.is_empty() || path.name.is_empty()
    } else {
        path.namespace.is_empty() || is_namespace
    };
    if fits {
        Ok(())
    } else {
        Err(StatusError::no_such_resource())
    }
}

/// The older way to watch is a GET of what can be watched, and of nothing below.
fn check_watch(row: &Resource, path: &ResourcePath, method: &Method) -> Result<(), StatusError> {
    if !path.watch {
        return Ok(());
    }
    if !row.verbs.contains(&Verb::Watch) || !path.subresource.is_empty() {
        return Err(StatusError::no_such_resource());
    }
    if *method == Method::GET {
        Ok(())
    } else {
        Err(StatusError::method_not_allowed())
    }
}

/// A name becomes part of a key: it must be one segment of a path.
fn check_segment(what: &str, text: &str) -> Result<(), StatusError> {
    if text.is_empty() {
        return Ok(());
    }
    resources::meta::path_segment(text).map_err(|why| {
        StatusError::bad_request(format!("{what} parameter invalid: {text:?}: {why}"))
    })
}
