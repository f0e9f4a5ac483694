//! What two runs have in common, told from their rows.

use super::{Adding, Column, Compared, Sums, Take as _, Written};

fn column(name: &str, key: bool) -> Column {
    Column { name: name.to_owned(), value: name.to_owned(), key }
}

fn sums(columns: &[Column], rows: &[&str]) -> Vec<Sums> {
    let mut adding = Adding::new(columns, [7; 32]);
    for row in rows {
        adding.push(row.as_bytes()).unwrap();
    }
    adding.finish().unwrap()
}

fn written(columns: &[Column], before: Option<&[&str]>, rows: &[&str]) -> Written {
    let (schema, name) = ("public".to_owned(), "notes".to_owned());
    let before = before.map(|rows| sums(columns, rows));
    Written { schema, name, columns: columns.to_vec(), before, after: sums(columns, rows) }
}

fn names(compared: &Compared) -> String {
    let Compared { columns, left, others, .. } = compared;
    [columns, left, others].map(|names| names.join(" ")).join(", ")
}

#[test]
fn what_is_the_same_twice_is_compared() {
    let keyed = [column("id", true), column("at", false), column("text", false)];
    let plain = keyed.clone().map(|it| column(&it.name, false));
    for (columns, first, second, expect) in [
        (&keyed, ["1\ta\tx\n", "2\ta\ty\n"], ["2\ta\ty\n", "1\ta\tx\n"], "id at text, , "),
        (&keyed, ["1\ta\tx\n", "2\ta\ty\n"], ["1\tb\tx\n", "2\tb\ty\n"], "id text, , at"),
        // New numbers: nothing is beside its own key any more.
        (&keyed, ["1\ta\tx\n", "2\ta\ty\n"], ["3\ta\tx\n", "4\ta\ty\n"], "at text, , id"),
        // The same values in each other's rows.
        (&keyed, ["1\ta\tx\n", "2\ta\ty\n"], ["1\ta\ty\n", "2\ta\tx\n"], "id at, , text"),
        (&plain, ["1\ta\tx\n", "2\ta\ty\n"], ["1\ta\ty\n", "2\ta\tx\n"], "id at text, , "),
        (&plain, ["1\ta\tx\n", "1\ta\tx\n"], ["1\ta\ty\n", "1\ta\ty\n"], "id at, , text"),
    ] {
        let first = written(columns, None, &first);
        let compared = written(columns, None, &second).compared(&[first]);
        assert_eq!(names(&compared), expect, "{second:?}");
    }
}

/// Columns that an UPDATE leaves as they are: the key still tells which row is given what.
#[test]
fn what_is_left_as_it_is_is_told_apart() {
    let columns = [column("id", true), column("at", false), column("text", false)];
    for (before, after, expect) in [
        (["1\ta\tx\n", "2\ta\ty\n"], ["1\tb\tx\n", "2\tb\ty\n"], "id at, id text, "),
        (["1\ta\tx\n", "2\ta\ty\n"], ["1\ta\ty\n", "2\ta\tx\n"], "id text, id at, "),
        (["1\ta\tx\n", "2\ta\ty\n"], ["3\ta\tx\n", "4\ta\ty\n"], "id, at text, "),
    ] {
        let run = || written(&columns, Some(&before), &after);
        assert_eq!(names(&run().compared(&[run()])), expect, "{after:?}");
        // What was left as it is only once is not left as it is.
        let first = written(&columns, Some(&after), &after);
        assert_eq!(run().compared(&[first]).left, run().compared(&[run()]).left, "{after:?}");
    }
}

#[test]
fn what_was_run_once_is_compared_as_a_whole() {
    let columns = [column("id", true), column("text", false)];
    let compared = written(&columns, None, &["1\tx\n"]).compared(&[]);
    assert_eq!(names(&compared), "id text, , ");
    let other = written(&[column("id", true)], None, &["1\n"]);
    let compared = written(&columns, None, &["1\tx\n"]).compared(&[other]);
    assert_eq!(names(&compared), "id text, , ");
}

#[test]
fn a_row_has_the_columns_of_its_table() {
    for (columns, row, fine) in [
        (0, "\n", true),
        (1, "x\n", true),
        (2, "x\ty\n", true),
        (2, "x\n", false),
        (1, "x\ty\n", false),
    ] {
        let columns = vec![column("a", false); columns];
        assert_eq!(Adding::new(&columns, [7; 32]).push(row.as_bytes()).is_ok(), fine, "{row:?}");
    }
}
