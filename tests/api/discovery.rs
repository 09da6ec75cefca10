//! What the server says it serves.

use std::fmt::Write;

use expect_test::expect_file;
use resources::served;

use crate::world::{Said, World};

/// Documents as pretty JSON under their paths.
async fn documents(accept: &str, paths: &[String]) -> String {
    let world = World::new().await;
    let mut text = String::new();
    for path in paths {
        let said = Said::accepting(accept);
        let answer = world.expect(200, "GET", path, &said).await;
        let media = answer.headers["content-type"].to_str().expect("ASCII");
        let body = serde_json::to_string_pretty(&answer.json()).expect("JSON prints");
        writeln!(text, "GET {path}\n{media}\n{body}\n").expect("a string grows");
    }
    text
}

#[tokio::test]
async fn plain_documents() {
    let mut paths = vec!["/api".to_owned(), "/apis".to_owned(), "/api/v1/".to_owned()];
    for row in served().filter(|row| !row.group.is_empty()) {
        let group = format!("/apis/{}", row.group);
        if paths.contains(&group) {
            continue;
        }
        paths.push(group);
        let versions = row.versions.iter();
        paths.extend(versions.map(|v| format!("/apis/{}/{}", row.group, v.name)));
    }
    let text = documents("application/json", &paths).await;
    expect_file!["../golden/api/discovery.txt"].assert_eq(&text);
}

#[tokio::test]
async fn aggregated_documents() {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                  application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                  application/json";
    let paths = ["/api".to_owned(), "/apis".to_owned()];
    let text = documents(accept, &paths).await;
    expect_file!["../golden/api/discovery-aggregated.txt"].assert_eq(&text);
}

/// Every row is found in discovery, in the schema and in OpenAPI by the same names.
#[tokio::test]
async fn every_kind_is_described() {
    let world = World::new().await;
    let v2 = world.get("/openapi/v2").await.json();
    for row in served() {
        let parts: &[&str] = if row.answer.is_some() {
            &[]
        } else {
            &["{name}"]
        };
        let namespace = if row.namespaced() { "{namespace}" } else { "" };
        let path = client::path(&row.gvr(), namespace, parts);
        let path = path.replace("%7B", "{").replace("%7D", "}");
        assert!(v2["paths"][&path].is_object(), "{path} in /openapi/v2");
        let document = match row.group {
            "" => format!("/openapi/v3/api/{}", row.storage),
            group => format!("/openapi/v3/apis/{group}/{}", row.storage),
        };
        let v3 = world.get(&document).await.json();
        assert!(v3["paths"][&path].is_object(), "{path} in {document}");
    }
}
