"""Runs every case by every protocol through the gateway, and looks at the server after each."""
import json, sqlite3, sys
import psycopg

agent, oracle, cases, store = sys.argv[1:5]
store = sqlite3.connect(store, isolation_level=None, timeout=20)
direct = psycopg.connect(oracle, autocommit=True)


def state():
    return direct.execute("SELECT oracle.state()").fetchone()[0]


def simple(connection, statements):
    for text in statements:
        with connection.cursor() as cursor:
            if text.startswith("COPY"):
                with cursor.copy(text) as copy:
                    for _ in copy:
                        pass
            else:
                cursor.execute(text.encode())


def together(connection, statements):
    if any(text.startswith("COPY") for text in statements):
        return simple(connection, statements)
    connection.execute("; ".join(statements).encode())


def extended(connection, statements):
    for text in statements:
        if text.startswith("COPY"):
            simple(connection, [text])
        else:
            connection.execute(text.encode(), (), binary=True)


def pipeline(connection, statements):
    if any(text.startswith("COPY") for text in statements):
        return simple(connection, statements)
    with connection.pipeline():
        for text in statements:
            connection.execute(text.encode(), ())


def long_before(connection, statements):
    """Each is prepared under a name, others come and go, and only then it is run."""
    for number, text in enumerate(statements):
        if text.startswith("COPY"):
            simple(connection, [text])
            continue
        pg, name = connection.pgconn, f"s{number}".encode()
        heard(pg.prepare(name, text.encode()))
        heard(pg.exec_params(b"SELECT 1", []))
        heard(pg.exec_prepared(name, []))


def heard(result):
    if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)


WAYS = [simple, together, extended, pipeline, long_before]
before = state()
for number, line in enumerate(open(cases)):
    case = json.loads(line)
    for way in WAYS:
        codes = []
        # Each case by itself: what was refused before makes the same aim wait.
        store.execute("DELETE FROM refusals")
        try:
            with psycopg.connect(agent, autocommit=True, connect_timeout=20) as connection:
                connection.add_notice_handler(lambda _: None)
                try:
                    way(connection, case["statements"])
                except psycopg.Error as error:
                    codes.append(error.sqlstate or type(error).__name__)
                    codes.append(str(error)[:160])
                # The connection stays usable, unless it was ended for good.
                if not connection.closed:
                    connection.rollback()
                    connection.execute("SELECT 1")
        except psycopg.Error as error:
            codes.append("gone")
            codes.append(str(error)[:160])
        after = state()
        print(json.dumps({"case": number, "way": way.__name__, "lost": after != before, "codes": codes}))
        sys.stdout.flush()
        if after != before:
            before = state()
