"""Replays scripts of psql through the gateway, and says of each statement what the server's own
write-ahead log holds of it once it is over: that log is the oracle."""
import json, re, sys, time
import psycopg
from psycopg import pq

gateway, admin = sys.argv[1], psycopg.connect(sys.argv[2], autocommit=True)
TAG = re.compile(r"\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$")
WORD = re.compile(r"[A-Za-z_]+")
VARIABLE = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
variables = {}


class Lines:
    def __init__(self, path):
        self.lines = open(path, encoding="utf-8", errors="replace").read().split("\n")
        self.at = 0

    def next(self):
        self.at += 1
        return self.lines[self.at - 1] if self.at <= len(self.lines) else None


def statements(lines):
    """As psql's own reader takes them: to a semicolon outside of quotes, brackets and bodies."""
    text, quote, deep, bodies = "", None, 0, 0
    while (line := lines.next()) is not None:
        if not text.strip() and quote is None and line.startswith("\\"):
            if word := re.match(r"\\set (\w+) (.*)", line):
                variables[word.group(1)] = word.group(2).strip("'").replace("''", "'")
            text = ""
            continue
        at, line = 0, line + "\n"
        while at < len(line):
            rest = line[at:]
            if quote is not None:
                if quote == "/*":
                    step = 2 if rest[:2] in ("/*", "*/") else 1
                    deep += {"/*": 1, "*/": -1}.get(rest[:2], 0)
                    quote = quote if deep else None
                elif quote == "E'" and rest[0] == "\\":
                    step = 2
                elif rest.startswith(quote[-1:] if quote in ("E'", "'", '"') else quote):
                    step, quote = (1 if quote in ("E'", "'", '"') else len(quote)), None
                else:
                    step = 1
                text, at = text + line[at:at + step], at + step
                continue
            tag = TAG.match(rest)
            if rest.startswith("--"):
                text, at = text + "\n", len(line)
            elif rest.startswith("/*"):
                quote, deep, text, at = "/*", 1, text + "/*", at + 2
            elif rest[0] in "'\"":
                escapes = rest[0] == "'" and text[-1:] in "eE" and not text[-2:-1].isalnum() and text[-1:]
                quote, text, at = ("E'" if escapes else rest[0]), text + rest[0], at + 1
            elif tag and not text[-1:].isalnum():
                quote, text, at = tag.group(), text + tag.group(), at + len(tag.group())
            elif rest.startswith("\\;"):
                text, at = text + ";", at + 2
            elif rest[0] == "\\":
                yield text
                text, at = "", len(line)
            elif rest[0] == ";" and not bodies and open_brackets(text) <= 0:
                yield text
                text, at = "", at + 1
            else:
                word = WORD.match(rest)
                step = len(word.group()) if word else 1
                lower = word.group().lower() if word else ""
                if lower == "begin" and re.search(r"create\s.*(function|procedure)\s", text, re.I | re.S):
                    bodies += 1
                elif lower == "case" and bodies:
                    bodies += 1
                elif lower == "end" and bodies:
                    bodies -= 1
                text, at = text + line[at:at + step], at + step
    if text.strip():
        yield text


def open_brackets(text):
    bare = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*", "", text)
    return bare.count("(") - bare.count(")")


RELATIONS = """SELECT c.oid::text, pg_relation_filenode(c.oid), n.nspname, c.relname, c.relkind::text,
  c.relpersistence::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"""
RECORDS = r"""SELECT xid::text, resource_manager, record_type,
  substring(block_ref from 'rel \d+/\d+/(\d+) fork main'), count(*),
  string_agg(description, ' ') FILTER (WHERE resource_manager = 'Transaction')
  FROM pg_get_wal_records_info_till_end_of_wal(%s::pg_lsn) GROUP BY 1, 2, 3, 4"""


class Oracle:
    """What transactions have written, once they have committed."""

    def __init__(self):
        self.open, self.files = {}, {}
        self.relations = self.look()

    def look(self):
        found = {row[0]: row[1:] for row in admin.execute(RELATIONS).fetchall()}
        for oid, (file, *_) in found.items():
            if file is not None:
                self.files[str(file)] = oid
        self.names = {**getattr(self, "names", {}), **found}
        return found

    def mark(self):
        return admin.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]

    def changes(self, since):
        if self.mark() == since:
            return None
        # What was not written to disk yet is, by the end of a transaction of our own.
        admin.execute("SELECT pg_logical_emit_message(true, '', '')")
        rows = admin.execute(RECORDS, (since,)).fetchall()
        done, at_once = [], []
        for xid, manager, record, file, count, said in rows:
            record = record.split("+")[0]
            if manager == "Transaction":
                if record.startswith("COMMIT"):
                    subs = re.search(r"subxacts:((?: \d+)+)", said or "")
                    done += [xid, *(subs.group(1).split() if subs else [])]
                continue
            if manager in ("Sequence", "Database", "Tablespace"):
                at_once.append((manager, record, file))
            elif manager in ("Heap", "Heap2") and record in (
                    "INSERT", "MULTI_INSERT", "UPDATE", "HOT_UPDATE", "DELETE", "TRUNCATE"):
                self.open.setdefault(xid, set()).add((record.split("_")[-1].lower(), file))
        kept = [change for xid in done for change in self.open.pop(xid, ())]
        if not kept and not at_once:
            return None
        before, after = self.relations, self.look()
        self.relations = after
        rows, catalogue = set(), set()
        rewritten = [oid for oid, row in before.items() if oid in after and after[oid][0] != row[0]]
        for kind, file in kept:
            oid = self.files.get(file)
            if oid is None:
                # A file that the same transaction threw away again, as a second TRUNCATE does.
                continue
            _, schema, name, what, lasts = self.names[oid]
            if schema == "pg_catalog":
                catalogue.add((name, kind))
            elif what in "rpm" and lasts != "t" and oid not in rewritten and schema != "pg_toast":
                rows.add((schema, name, kind))
        named = lambda oids, of, kinds: sorted(
            {(of[oid][1], of[oid][2], of[oid][3]) for oid in oids if of[oid][3] in kinds and of[oid][4] != "t"
             and of[oid][1] not in ("pg_catalog", "pg_toast")})
        gone = [oid for oid in before if oid not in after]
        # A temporary table is nobody else's, and so are its rows in the catalogue.
        moved = {oid for oid in before.keys() ^ after.keys()} | set(rewritten)
        lasting = {oid for oid in moved if self.names[oid][4] != "t" and self.names[oid][1] != "pg_toast"
                   and self.names[oid][3] not in "i"}
        if moved and not lasting:
            catalogue = set()
        found = {
            "rows": sorted(rows), "catalogue": sorted(catalogue),
            "rewritten": named(rewritten, after, "rm"), "gone": named(gone, before, "rpmvSf"),
            # One whose file nobody knows was never committed.
            "sequences": sorted({self.names[self.files[file]][2] for manager, _, file in at_once
                                 if manager == "Sequence" and file in self.files}),
            "server": sorted({f"{manager} {record}" for manager, record, _ in at_once if manager != "Sequence"}),
        }
        return found if any(found.values()) else None


def connect():
    connection = pq.PGconn.connect(gateway.encode())
    assert connection.status == pq.ConnStatus.OK, connection.error_message
    connection.exec_(b"SET statement_timeout = '10s'")
    return connection


def run(connection, text, lines):
    connection.send_query(text.encode("utf-8", "replace"))
    states = []
    while (result := connection.get_result()) is not None:
        if result.status == pq.ExecStatus.COPY_IN:
            while (line := lines.next()) is not None and line != "\\.":
                connection.put_copy_data(line.encode() + b"\n")
            connection.put_copy_end()
        elif result.status == pq.ExecStatus.COPY_OUT:
            while connection.get_copy_data(0)[0] > 0:
                pass
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            state = result.error_field(pq.DiagnosticField.SQLSTATE)
            states.append((state or b"gone").decode())
            said = result.error_message.decode("utf-8", "replace")
    return (states[-1], said) if states else ("ok", "")


oracle = Oracle()
for path in sys.argv[3:]:
    lines, connection = Lines(path), connect()
    for text in statements(lines):
        if not re.sub(r"--[^\n]*|\s", "", text):
            continue
        text = VARIABLE.sub(lambda found: variables.get(found.group(1), found.group()), text)
        time.sleep(0.002)
        mark, began = oracle.mark(), time.time_ns() // 1_000_000
        try:
            state, said = run(connection, text.replace("\0", ""), lines)
        except psycopg.Error as error:
            state, said = "gone", str(error)
        ended = time.time_ns() // 1_000_000
        status = connection.transaction_status
        if connection.status != pq.ConnStatus.OK:
            state = f"gone {state}"
            connection.finish()
            connection = connect()
        print(json.dumps({"file": path.rsplit("/", 1)[-1], "text": text.strip(), "began": began, "ended": ended,
                          "state": state, "said": said[:200], "changes": oracle.changes(mark),
                          "open": status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)}), flush=True)
    connection.finish()
