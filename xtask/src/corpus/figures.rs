//! Figures: how much harm is stopped, and how often honest work is.

use std::{collections::BTreeMap, fmt, fs, io, path::Path};

use super::{CORPUS, Kind, Line};

/// Lines of each family: right ones and all.
type Families = BTreeMap<(Kind, String), (u64, u64)>;

/// What a run over the corpus came to.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    families: Families,
    /// Of what developers type, by how often they do: stopped, stopped for nothing but opacity, all.
    pub(crate) typed: (u64, u64, u64),
}

impl Figures {
    /// The figures of judged lines.
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut figures = Self::default();
        for line in lines {
            let family = figures.families.entry((line.kind, line.family.clone())).or_default();
            family.0 += u64::from(line.is_right());
            family.1 += 1;
            if line.kind == Kind::Everyday {
                let (stopped, opaque, all) = &mut figures.typed;
                *all += line.weight;
                *stopped += if line.stopped { line.weight } else { 0 };
                *opaque += if line.opaque { line.weight } else { 0 };
            }
        }
        figures
    }

    /// Those of the first run, before any line was looked at: `kind/family right all` a line.
    pub(crate) fn first(root: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(root.join(CORPUS).join("first-run.txt"))?;
        let mut figures = Self::default();
        let wrong = || io::Error::other("first-run.txt: `kind/family right all`, or `typed a b c`");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let name = words.next().ok_or_else(wrong)?;
            let numbers: Vec<u64> =
                words.map(|it| it.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
            match (name, numbers.as_slice()) {
                ("typed", [stopped, opaque, all]) => figures.typed = (*stopped, *opaque, *all),
                (name, [right, all]) => {
                    let (kind, family) = name.split_once('/').ok_or_else(wrong)?;
                    let kind =
                        Kind::ALL.into_iter().find(|(_, own)| *own == kind).ok_or_else(wrong)?;
                    figures.families.insert((kind.0, family.to_owned()), (*right, *all));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(figures)
    }

    /// How many lines of a kind are right, in a hundred.
    pub(crate) fn share(&self, kind: Kind) -> f64 {
        let own = self.families.iter().filter(|((of, _), _)| *of == kind).map(|(_, it)| it);
        let (right, all) = own.fold((0, 0), |(right, all), it| (right + it.0, all + it.1));
        percent(right, all)
    }

    /// How often what developers type is stopped, in a hundred; and for nothing but opacity.
    pub(crate) fn wrong_holds(&self) -> (f64, f64) {
        let (stopped, opaque, all) = self.typed;
        (percent(stopped, all), percent(opaque, all))
    }

    /// Both runs side by side, as a table of Markdown.
    pub(crate) fn beside(&self, first: &Self) -> String {
        let mut text = "| family | first run | now |\n|---|---|---|\n".to_owned();
        for ((kind, family), (right, all)) in &self.families {
            let name = Kind::ALL.into_iter().find(|(own, _)| own == kind).map_or("", |it| it.1);
            let before = first.families.get(&(*kind, family.clone()));
            let before = before.map_or("-".to_owned(), |(right, all)| format!("{right}/{all}"));
            text += &format!("| {name}/{family} | {before} | {right}/{all} |\n");
        }
        text
    }
}

fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wrong, opaque) = self.wrong_holds();
        write!(
            f,
            "harm stopped {:.1} %, of families kept aside {:.1} %; look-alikes passed {:.1} %, \
             quotations {:.1} %; of what is typed {wrong:.2} % stopped, {opaque:.2} % only as opaque",
            self.share(Kind::Harmful),
            self.share(Kind::Aside),
            self.share(Kind::Lookalike),
            self.share(Kind::Quoted),
        )
    }
}
