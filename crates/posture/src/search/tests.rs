//! Searches again read what changed and nothing else; size, change and encoding make no difference.

use std::{fs, time::Duration};

use holdpoint_catalog::credentials::Finder;

use super::{Cache, search};

const TOKEN: &str = "RAILWAY_API_TOKEN=3d2c42fb-9f1e-4b6a-8c0d-73aa51be90ab\n";

fn settle() {
    std::thread::sleep(Duration::from_millis(80));
}

#[test]
fn a_second_search_reads_what_changed() {
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..20 {
        fs::write(root.path().join(format!("{number}.md")), TOKEN).unwrap();
    }
    settle();
    let again = || {
        let mut cache = Cache::open(state.path(), root.path());
        let searched = search(root.path(), Finder::shared(), &mut cache, &str::to_owned);
        cache.save().unwrap();
        (searched.read, searched.exposed.len())
    };
    assert_eq!(again(), (20, 20));
    assert_eq!(again(), (0, 20));
    fs::write(root.path().join("3.md"), "nothing\n").unwrap();
    fs::remove_file(root.path().join("4.md")).unwrap();
    settle();
    assert_eq!(again(), (1, 18));
    assert_eq!(again(), (0, 18));
}

#[test]
fn a_change_that_hides_its_time_is_seen() {
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = root.path().join("a.md");
    fs::write(&file, "x".repeat(TOKEN.len())).unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    settle();
    let again = || {
        let mut cache = Cache::open(state.path(), root.path());
        let searched = search(root.path(), Finder::shared(), &mut cache, &str::to_owned);
        cache.save().unwrap();
        searched.exposed.len()
    };
    assert_eq!(again(), 0);
    fs::write(&file, TOKEN).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    assert_eq!(again(), 1);
}

#[test]
fn a_cache_that_is_damaged_is_none() {
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a.md"), TOKEN).unwrap();
    settle();
    let again = || {
        let mut cache = Cache::open(state.path(), root.path());
        let searched = search(root.path(), Finder::shared(), &mut cache, &str::to_owned);
        cache.save().unwrap();
        (searched.read, searched.exposed.len())
    };
    assert_eq!(again(), (1, 1));
    for file in fs::read_dir(state.path().join("found")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("3d2c42fb") || text.contains("\"fingerprint\":\"3d2c42fb"),
            "{text}"
        );
        fs::write(path, "{").unwrap();
    }
    assert_eq!(again(), (1, 1));
}

/// Credentials wherever windows meet: in the first, across the border, behind it.
#[test]
fn windows_hide_nothing_and_tell_nothing_twice() {
    let root = tempfile::tempdir().unwrap();
    let step = 4 << 20;
    let mut bytes = vec![b'.'; 3 * step];
    let mut expected = Vec::new();
    for at in [100, step - 100, step - 30, step + 5_000, 2 * step - 18, 3 * step - 100] {
        let line = format!("\n{}", TOKEN);
        bytes[at..at + line.len()].copy_from_slice(line.as_bytes());
        expected.push((at + 1 + "RAILWAY_API_TOKEN=".len()) as u64);
    }
    for (number, name) in ["a.md", "a.bin"].iter().enumerate() {
        fs::write(root.path().join(name), &bytes).unwrap();
        let searched = search(root.path(), Finder::shared(), &mut Cache::default(), &str::to_owned);
        assert_eq!(searched.files, number + 1);
    }
    let searched =
        search(&root.path().join("a.md"), Finder::shared(), &mut Cache::default(), &str::to_owned);
    let found: Vec<u64> = searched.exposed.iter().map(|it| it.span.start).collect();
    assert_eq!(found, expected);
}

#[test]
fn links_pipes_and_git_s_objects_are_left_alone() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("a.md"), TOKEN).unwrap();
    std::os::unix::fs::symlink(outside.path().join("a.md"), root.path().join("link.md")).unwrap();
    std::os::unix::fs::symlink(root.path(), root.path().join("round")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let git = root.path().join(".git");
    fs::create_dir_all(git.join("objects/ab")).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(git.join("config"), "[core]\n").unwrap();
    fs::write(git.join("objects/ab/cd"), TOKEN).unwrap();
    let searched = search(root.path(), Finder::shared(), &mut Cache::default(), &str::to_owned);
    assert_eq!((searched.files, searched.exposed.len(), searched.unsearched.len()), (2, 0, 0));
}

/// What is packed is found by what it is called in there, and nothing falls over what is damaged.
#[test]
fn what_is_packed_is_unpacked() {
    use std::io::Write as _;
    let root = tempfile::tempdir().unwrap();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let tar = |name: &str, bytes: &[u8]| {
        let mut head = vec![0; 512];
        head[..name.len()].copy_from_slice(name.as_bytes());
        let size = format!("{:011o}", bytes.len());
        head[124..135].copy_from_slice(size.as_bytes());
        head[257..262].copy_from_slice(b"ustar");
        let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len() + 1024];
        [head, bytes.to_vec(), padding].concat()
    };
    let zip = |name: &str, bytes: &[u8], method: u16| {
        let packed = match method {
            0 => bytes.to_vec(),
            _ => {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        };
        let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes().to_vec();
        let half = |number: usize| u16::try_from(number).unwrap().to_le_bytes().to_vec();
        let common = [half(20), half(0), method.to_le_bytes().to_vec(), vec![0; 8]].concat();
        let sizes = [word(packed.len()), word(bytes.len()), half(name.len()), half(0)].concat();
        let name = name.as_bytes().to_vec();
        let local =
            [b"PK\x03\x04".to_vec(), common.clone(), sizes.clone(), name.clone(), packed].concat();
        let list = [b"PK\x01\x02".to_vec(), half(20), common, sizes, vec![0; 14], name].concat();
        let end =
            [b"PK\x05\x06".to_vec(), vec![0; 8], word(list.len()), word(local.len()), half(0)];
        [local, list, end.concat()].concat()
    };
    let token = TOKEN.as_bytes();
    for (name, bytes) in [
        ("a.md.gz", gzip(token)),
        ("a.tar", tar("a.md", token)),
        ("a.tgz", gzip(&tar("b/a.md", token))),
        ("a.zip", zip("a.md", token, 8)),
        ("b.zip", zip("b/a.tar.gz", &gzip(&tar("a.md", token)), 0)),
    ] {
        let path = root.path().join(name);
        let look = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            search(&path, Finder::shared(), &mut Cache::default(), &str::to_owned).exposed
        };
        let found = look(&bytes);
        assert!(found.iter().any(|it| it.packed && it.line == 1), "{name}: {found:?}");
        for cut in (0..bytes.len()).step_by(7) {
            assert!(look(&bytes[..cut]).iter().all(|it| it.name == "RAILWAY_API_TOKEN"), "{name}");
        }
    }
}
