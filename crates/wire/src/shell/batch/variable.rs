//! Variables of `cmd`: `%NAME%`, `!NAME!`, parts of them, and those of `for`.

use super::{Batch, UNKNOWN};

/// Bytes of one text with its variables put in.
const TEXT_MAX: usize = 64 * 1024;

impl Batch<'_, '_> {
    /// A text with its variables put in. What is not set is nothing; what grows too long is unknown.
    pub(super) fn filled(&self, text: &str) -> String {
        let filled = self.filled_in(text);
        if filled.len() > TEXT_MAX { UNKNOWN.to_string() } else { filled }
    }

    fn filled_in(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['%', '!']) {
            let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
            out.push_str(before);
            if out.len() > TEXT_MAX {
                return out;
            }
            let mark = if behind.starts_with('%') { '%' } else { '!' };
            let inner = behind.get(1..).unwrap_or_default();
            if let Some((value, after)) = self.of_round(inner).filter(|_| mark == '%') {
                out.push_str(&value);
                rest = after;
                continue;
            }
            match inner.split_once(mark).filter(|(name, _)| is_name(name)) {
                Some((name, after)) => {
                    out.push_str(&self.variable(name));
                    rest = after;
                }
                None => {
                    out.push(mark);
                    rest = inner;
                }
            }
        }
        out + rest
    }

    /// `%f`, `%%f`, `%~nxf` and `%1`, `%*`: what of a text says it, and what comes behind.
    fn of_round<'t>(&self, inner: &'t str) -> Option<(String, &'t str)> {
        let inner = inner.strip_prefix('%').unwrap_or(inner);
        let first = inner.chars().next()?;
        if first.is_ascii_digit() || first == '*' {
            return Some((UNKNOWN.to_string(), inner.get(1..)?));
        }
        let modified = inner.strip_prefix('~').unwrap_or(inner);
        for (letter, value) in self.rounds.iter().rev() {
            let plain = |it: &str| it.chars().all(|it| "fdpnxsatz".contains(it));
            let at = match first {
                '~' => {
                    modified.find(*letter).filter(|at| plain(modified.get(..*at).unwrap_or("-")))?
                }
                first if first == *letter => 0,
                _ => continue,
            };
            let behind = modified.get(at + letter.len_utf8()..)?;
            return Some((value.clone(), behind));
        }
        None
    }

    /// The value of `NAME`, `NAME:~1,2` or `NAME:a=b`.
    fn variable(&self, inner: &str) -> String {
        let (name, part) = inner.split_once(':').unwrap_or((inner, ""));
        let value = self.named(name);
        if value.contains(UNKNOWN) || part.is_empty() {
            return value;
        }
        if let Some(numbers) = part.strip_prefix('~') {
            let mut numbers = numbers.split(',').map(|it| it.trim().parse::<i64>().unwrap_or(0));
            let letters: Vec<char> = value.chars().collect();
            let count = letters.len() as i64;
            let place =
                |it: i64| if it < 0 { count.saturating_add(it) } else { it }.clamp(0, count);
            let from = place(numbers.next().unwrap_or(0));
            let to = numbers.next().map_or(count, |it| {
                if it < 0 { count.saturating_add(it) } else { from.saturating_add(it) }
            });
            let length = to.saturating_sub(from).max(0);
            return letters.iter().skip(from as usize).take(length as usize).collect();
        }
        match part.split_once('=') {
            Some((old, new)) if !old.is_empty() => {
                let grown = value.matches(old).count().saturating_mul(new.len());
                if grown > TEXT_MAX { UNKNOWN.to_string() } else { value.replace(old, new) }
            }
            _ => value,
        }
    }

    fn named(&self, name: &str) -> String {
        let upper = name.to_ascii_uppercase();
        let variables = if self.early { &self.line } else { &self.scope.variables };
        let own = variables.get(name).and_then(|it| it.first()).map(String::as_str);
        let known = own.or_else(|| {
            let mut all = variables.iter();
            let found = all.find(|(own, _)| own.eq_ignore_ascii_case(name));
            found.and_then(|(_, values)| values.first()).map(String::as_str)
        });
        if let Some(value) = known {
            return value.to_owned();
        }
        let home = self.scope.value("HOME").unwrap_or("C:\\Users\\dev");
        match upper.as_str() {
            "USERPROFILE" | "HOMEPATH" => home.to_owned(),
            "APPDATA" | "LOCALAPPDATA" => format!("{home}/AppData"),
            "SYSTEMROOT" | "WINDIR" => "C:\\Windows".to_owned(),
            "SYSTEMDRIVE" => "C:".to_owned(),
            "PROGRAMFILES" | "PROGRAMDATA" => "C:\\Program Files".to_owned(),
            "TEMP" | "TMP" => "/tmp".to_owned(),
            "CD" => self.scope.directory().to_owned(),
            "RANDOM" | "DATE" | "TIME" | "ERRORLEVEL" => UNKNOWN.to_string(),
            _ => String::new(),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 80 && !name.contains([' ', '\n', '"', '&', '|', '\\', '/'])
        || name.contains(":~")
}
