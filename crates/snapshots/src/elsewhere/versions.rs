//! What a bucket has of its names: every version, the first of which is ours.
//! Source: Amazon S3 API Reference, `ListObjectVersions`.

/// One version of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) size: u32,
}

/// One page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The newest of each name first; what only hides a name is left out.
    pub(super) versions: Vec<Version>,
    /// From where the next page goes on: a name, and a version of it.
    pub(super) next: Option<(String, String)>,
}

/// Reads a page. Names in it are ours, and so need no decoding.
pub(super) fn read(text: &str) -> Option<Page> {
    let (_, list) = text.split_once("<ListVersionsResult")?;
    let mut page = Page::default();
    let mut rest = list;
    while let Some((_, after)) = rest.split_once("<Version>") {
        let (version, after) = after.split_once("</Version>")?;
        page.versions.push(Version {
            key: element(version, "Key")?,
            id: element(version, "VersionId")?,
            size: element(version, "Size")?.parse().ok()?,
        });
        rest = after;
    }
    if element(list, "IsTruncated").as_deref() == Some("true") {
        let version = element(list, "NextVersionIdMarker").unwrap_or_default();
        page.next = Some((element(list, "NextKeyMarker")?, version));
    }
    Some(page)
}

/// The text of the first element of this name.
pub(super) fn element(text: &str, name: &str) -> Option<String> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = after.split_once(&format!("</{name}>"))?;
    Some(value.replace("&quot;", "\"").replace("&amp;", "&"))
}

/// The first version of each name: what was written over it later is somebody else's.
pub(super) fn first(versions: Vec<Version>) -> Vec<Version> {
    let mut first: Vec<Version> = Vec::new();
    for version in versions {
        match first.last_mut() {
            Some(last) if last.key == version.key => *last = version,
            _ => first.push(version),
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::{Page, first, read};

    const PAGE: &str = "<?xml version=\"1.0\"?>\n<ListVersionsResult xmlns=\"x\"><Name>b</Name>\
        <IsTruncated>true</IsTruncated><NextKeyMarker>p/b</NextKeyMarker>\
        <NextVersionIdMarker>9</NextVersionIdMarker>\
        <DeleteMarker><Key>p/a</Key><VersionId>3</VersionId></DeleteMarker>\
        <Version><Key>p/a</Key><VersionId>2</VersionId><Size>0</Size></Version>\
        <Version><Key>p/a</Key><VersionId>1</VersionId><Size>7</Size></Version>\
        <Version><Key>p/b</Key><VersionId>9</VersionId><Size>5</Size></Version>\
        </ListVersionsResult>";

    #[test]
    fn the_first_of_each_name_counts_and_what_hides_it_does_not() {
        let Page { versions, next } = read(PAGE).unwrap();
        assert_eq!(next, Some(("p/b".to_owned(), "9".to_owned())));
        let first: Vec<_> =
            first(versions).into_iter().map(|it| (it.key, it.id, it.size)).collect();
        let expect = [("p/a", "1", 7), ("p/b", "9", 5)];
        assert_eq!(first, expect.map(|(key, id, size)| (key.to_owned(), id.to_owned(), size)));
        assert_eq!(read("<Error/>"), None);
        assert_eq!(read("<ListVersionsResult></ListVersionsResult>"), Some(Page::default()));
    }
}
