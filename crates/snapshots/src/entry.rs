//! One thing as a snapshot knows it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use holdpoint_core::Digest;
use rustic_core::{
    DataId, TreeId,
    repofile::{Node, NodeType},
};

use crate::{
    looks::{Attribute, Moment},
    time,
};

/// What a snapshot knows of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    pub(crate) rights: u32,
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) modified: Option<Moment>,
    pub(crate) changed: Option<Moment>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) links: u64,
}

/// What is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The pieces of a file, in order.
    File { pieces: Vec<DataId>, size: u64 },
    /// What lies in a directory.
    Directory { tree: TreeId },
    /// Where a link leads.
    Link { to: PathBuf },
}

impl Entry {
    /// What `node` says; nothing if it is of a kind that is never saved.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let content = match &node.node_type {
            NodeType::File => Content::File {
                pieces: node.content.clone().unwrap_or_default(),
                size: node.meta.size,
            },
            NodeType::Dir => Content::Directory { tree: node.subtree? },
            NodeType::Symlink { .. } => Content::Link { to: node.node_type.to_link().to_owned() },
            _ => return None,
        };
        let meta = &node.meta;
        let attributes = meta.extended_attributes.iter();
        let attributes =
            attributes.map(|it| (OsString::from(&it.name), it.value.clone().unwrap_or_default()));
        Some(Self {
            content,
            rights: rights(meta.mode.unwrap_or_default()),
            user: meta.uid,
            group: meta.gid,
            modified: meta.mtime.as_ref().map(time::moment),
            changed: meta.ctime.as_ref().map(time::moment),
            attributes: attributes.collect(),
            device: meta.device_id,
            inode: meta.inode,
            links: meta.links,
        })
    }

    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory { .. })
    }

    /// Whether the same is in both; of directories only that they are ones.
    pub(crate) fn has_content_of(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Directory { .. }, Content::Directory { .. }) => true,
            (one, other) => one == other,
        }
    }

    /// What differs as soon as its content or its time does.
    pub(crate) fn mark(&self) -> Digest {
        let content = match &self.content {
            Content::Directory { .. } => "directory".to_owned(),
            content => format!("{content:?}"),
        };
        Digest::of(format!("{content} {:?}", self.modified).as_bytes())
    }

    /// Whether both look the same from outside.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        let owner = |it: &Self| (it.user, it.group);
        // A link has no rights of its own.
        let rights = matches!(self.content, Content::Link { .. }) || self.rights == other.rights;
        rights
            && self.modified == other.modified
            && owner(self) == owner(other)
            && self.attributes == other.attributes
    }

    /// The file that this is one of several names of.
    pub(crate) fn shared(&self) -> Option<(u64, u64)> {
        let file = matches!(self.content, Content::File { .. });
        (file && self.links > 1).then_some((self.device, self.inode))
    }
}

// The bits of Go's `fs.FileMode`, in which the format writes modes.
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// A mode of the format as rights that chmod(2) takes.
fn rights(mode: u32) -> u32 {
    let bit = |of: u32, means: u32| if mode & of != 0 { means } else { 0 };
    (mode & 0o777) | bit(SETUID, 0o4000) | bit(SETGID, 0o2000) | bit(STICKY, 0o1000)
}

/// Rights as the format writes them.
pub(crate) fn mode(rights: u32, kind: crate::looks::Kind) -> u32 {
    use crate::looks::Kind;
    let bit = |of: u32, means: u32| if rights & of != 0 { means } else { 0 };
    let kind = match kind {
        Kind::Directory => DIRECTORY,
        Kind::Link => LINK,
        Kind::File | Kind::Special => 0,
    };
    kind | (rights & 0o777) | bit(0o4000, SETUID) | bit(0o2000, SETGID) | bit(0o1000, STICKY)
}

/// Whether `path` is `within` or lies in it.
pub(crate) fn is_in(path: &Path, within: Option<&Path>) -> bool {
    within.is_none_or(|within| path.starts_with(within))
}
