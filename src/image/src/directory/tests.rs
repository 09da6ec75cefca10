use std::fs;
use std::io::Write;
use std::time::Duration;

use base::Clock;
use tokio::sync::broadcast;

use super::*;
use crate::archive::builder::{Builder, Format, Layer};
use crate::store::Arrival;
use crate::testing::TestDir;

struct Node {
    home: TestDir,
    store: Arc<ImageStore>,
    arrivals: broadcast::Receiver<Arrival>,
    shutdown: Shutdown,
    task: Option<JoinHandle<Option<()>>>,
}

fn archive(tag: &str, content: &str) -> Vec<u8> {
    let layer = Layer::new().and_then(|layer| layer.file("f", 0o644, content.as_bytes()));
    let mut bytes = Vec::new();
    let builder = Builder::new().tag(tag).layer(layer.expect("written"));
    builder
        .write(Format::Docker, &mut bytes)
        .expect("memory takes it");
    bytes
}

impl Node {
    fn new() -> Self {
        let home = TestDir::in_memory();
        let store = ImageStore::open(&home.path().join("store"), Clock::system()).expect("opened");
        let arrivals = store.arrivals();
        Self {
            home,
            store,
            arrivals,
            shutdown: Shutdown::new(),
            task: None,
        }
    }

    fn images(&self) -> PathBuf {
        self.home.path().join("images")
    }

    fn watch(&mut self) {
        let task = ImageDirectory::watch(self.store.clone(), &self.images(), self.shutdown.clone());
        self.task = Some(task.expect("watched"));
    }

    /// The tags of the next image.
    async fn arrival(&mut self) -> String {
        let next = Clock::system()
            .timeout(Duration::from_secs(30), self.arrivals.recv())
            .await;
        let arrival = next.expect("an image comes").expect("the store lives");
        let tags: Vec<String> = arrival.references.iter().map(ToString::to_string).collect();
        tags.join(" ").replace("docker.io/library/", "")
    }

    /// Stops the watcher, opens the store anew and says what a new watcher imports until it has
    /// seen `last`.
    async fn restart(&mut self, last: &str) -> Vec<String> {
        self.stop().await;
        let root = self.store.root().to_owned();
        // Lets go of the store, which can be open once only.
        let spare = self.home.path().join("spare");
        self.store = ImageStore::open(&spare, Clock::system()).expect("opened");
        self.store = ImageStore::open(&root, Clock::system()).expect("nobody holds it any more");
        self.arrivals = self.store.arrivals();
        self.shutdown = Shutdown::new();
        self.watch();
        let mut seen = Vec::new();
        while seen.last().is_none_or(|seen| seen != last) {
            seen.push(self.arrival().await);
        }
        seen
    }

    async fn stop(&mut self) {
        self.shutdown.stop();
        if let Some(task) = self.task.take() {
            task.await.expect("not aborted").expect("no panic");
        }
    }
}

#[tokio::test]
async fn what_is_there_and_what_comes_is_imported() {
    let mut node = Node::new();
    fs::create_dir(node.images()).expect("made");
    fs::write(node.images().join("a.tar"), archive("a", "a")).expect("written");
    fs::write(node.images().join("b.txt"), "busybox").expect("written");
    fs::write(node.images().join(".c.tar"), archive("c", "c")).expect("written");
    fs::write(node.images().join("d.tar"), "no archive").expect("written");
    fs::write(node.images().join("e.tar"), "").expect("written");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        node.images().join("f.tar"),
        rustix::fs::Mode::RWXU,
    )
    .expect("made");
    node.watch();
    assert_eq!(node.arrival().await, "a:latest");
    // Written in place, in pieces.
    let bytes = archive("g", "g");
    let mut file = File::create(node.images().join("g.tar")).expect("made");
    for piece in bytes.chunks(700) {
        file.write_all(piece).expect("written");
    }
    drop(file);
    assert_eq!(node.arrival().await, "g:latest");
    // Moved in, linked, and compressed.
    let outside = node.home.path().join("outside");
    fs::write(&outside, archive("h", "h")).expect("written");
    fs::rename(&outside, node.images().join("h.tar")).expect("moved");
    assert_eq!(node.arrival().await, "h:latest");
    fs::write(&outside, archive("i", "i")).expect("written");
    std::os::unix::fs::symlink(&outside, node.images().join("i.tar")).expect("linked");
    assert_eq!(node.arrival().await, "i:latest");
    let packed = zstd::encode_all(&archive("j", "j")[..], 1).expect("encodes");
    fs::write(node.images().join("j.tzst"), packed).expect("written");
    assert_eq!(node.arrival().await, "j:latest");
    assert!(node.store.list().iter().all(|image| image.pinned));
    // Replaced by another content under the same name.
    fs::write(&outside, archive("a", "new")).expect("written");
    fs::rename(&outside, node.images().join("a.tar")).expect("moved");
    assert_eq!(node.arrival().await, "a:latest");
    node.stop().await;
}

#[tokio::test]
async fn files_are_imported_again_only_when_they_changed() {
    let mut node = Node::new();
    fs::create_dir(node.images()).expect("made");
    for name in ["a", "b", "c"] {
        let path = node.images().join(format!("{name}.tar"));
        fs::write(path, archive(name, name)).expect("written");
    }
    node.watch();
    for name in ["a:latest", "b:latest", "c:latest"] {
        assert_eq!(node.arrival().await, name);
    }
    node.stop().await;
    fs::write(node.images().join("b.tar"), archive("b", "new")).expect("written");
    // Someone removed an image; its archive is still there.
    node.store.remove("c").expect("removed");
    assert_eq!(node.restart("c:latest").await, ["b:latest", "c:latest"]);
    node.stop().await;
}

#[tokio::test]
async fn a_file_that_is_being_written_at_the_start_is_imported_once_and_whole() {
    let mut node = Node::new();
    fs::create_dir(node.images()).expect("made");
    let bytes = archive("a", "a");
    let mut half = File::create(node.images().join("a.tar")).expect("made");
    half.write_all(&bytes[..bytes.len() / 2]).expect("written");
    fs::write(node.images().join("b.tar"), archive("b", "b")).expect("written");
    node.watch();
    assert_eq!(
        node.arrival().await,
        "b:latest",
        "the half file came first and was passed over"
    );
    half.write_all(&bytes[bytes.len() / 2..]).expect("written");
    drop(half);
    assert_eq!(node.arrival().await, "a:latest");
    // A marker behind it: nothing else came in between.
    fs::write(node.images().join("z.tar"), archive("z", "z")).expect("written");
    assert_eq!(node.arrival().await, "z:latest");
    node.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_replaced_is_watched_again() {
    let mut node = Node::new();
    node.watch();
    fs::write(node.images().join("a.tar"), archive("a", "a")).expect("written");
    assert_eq!(node.arrival().await, "a:latest");
    let new = node.home.path().join("new");
    fs::create_dir(&new).expect("made");
    fs::write(new.join("b.tar"), archive("b", "b")).expect("written");
    fs::rename(node.images(), node.home.path().join("old")).expect("moved away");
    // The watcher makes an empty one as soon as it learns of it; either way, ours takes over.
    if fs::rename(&new, node.images()).is_err() {
        fs::rename(new.join("b.tar"), node.images().join("b.tar")).expect("moved in");
    }
    assert_eq!(node.arrival().await, "b:latest");
    node.stop().await;
}
