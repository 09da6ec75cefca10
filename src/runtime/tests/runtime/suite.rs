//! The suite of `cri`, on real containers.

use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_passes_the_suite() {
    let host = Host::new();
    let runtime = host.open().await;
    cri::testing::run_all(&host.subject(&runtime)).await;
    host.assert_clean();
}
