"""Messages that no driver sends, one trick each: prints its name, and what the server's end said to it."""
import base64, hashlib, hmac, json, os, socket, struct, sys
import psycopg

host, port, password, oracle = "127.0.0.1", int(sys.argv[1]), sys.argv[2], psycopg.connect(sys.argv[3], autocommit=True)


def number(text):
    return oracle.execute(text).fetchone()[0]


class Wire:
    def __init__(self, version=196608, **options):
        self.socket = socket.create_connection((host, port), timeout=20)
        self.buffer = b""
        fields = {"user": "app", "database": "shop", **options}
        body = struct.pack("!I", version) + b"".join(f"{k}\0{v}\0".encode() for k, v in fields.items()) + b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)

    def send(self, tag, body=b""):
        self.socket.sendall(tag + struct.pack("!I", len(body) + 4) + body)

    def take(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read(self):
        tag, length = struct.unpack("!cI", self.take(5))
        return tag, self.take(length - 4)

    def login(self):
        tag, body = self.read()
        if tag == b"v":
            tag, body = self.read()
        if tag != b"R":
            return said(tag, body)
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = f"n=,r={nonce}"
        first = f"n,,{bare}".encode()
        self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        tag, body = self.read()
        server = body[4:].decode()
        r, s, i = (part[2:] for part in server.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(s), int(i))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={r}"
        proof = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{server},{final}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, proof))).decode()
        self.send(b"p", f"{final},p={proof}".encode())
        return self.until_ready()

    def until_ready(self):
        """Everything up to ReadyForQuery or the end: errors by SQLSTATE, else what was done."""
        heard = []
        try:
            while True:
                tag, body = self.read()
                if tag in (b"E", b"C"):
                    heard.append(said(tag, body))
                if tag == b"Z":
                    return heard
        except (EOFError, OSError):
            return heard + ["gone"]

    def query(self, text):
        self.send(b"Q", text.encode() + b"\0")
        return self.until_ready()

    def parse(self, text, name=""):
        self.send(b"P", name.encode() + b"\0" + text.encode() + b"\0" + b"\0\0")

    def bind(self, name="", portal=""):
        self.send(b"B", portal.encode() + b"\0" + name.encode() + b"\0" + b"\0" * 6)

    def execute(self, portal="", rows=0):
        self.send(b"E", portal.encode() + b"\0" + struct.pack("!I", rows))

    def sync(self):
        self.send(b"S")
        return self.until_ready()

    def call(self, oid, *arguments):
        values = b"".join(struct.pack("!I", len(a)) + a for a in arguments)
        self.send(b"F", struct.pack("!IHHH", oid, 1, 1, len(arguments)) + values + struct.pack("!H", 1))
        return self.until_ready()


def said(tag, body):
    if tag == b"C":
        return body.rstrip(b"\0").decode()
    fields = dict((part[:1], part[1:]) for part in body.split(b"\0") if part)
    return fields[b"C"].decode()


def begins(**options):
    wire = Wire(**options)
    return wire.login()


def logged_in():
    wire = Wire()
    wire.login()
    return wire


def function(name):
    return number(f"SELECT '{name}'::regproc::oid")


def prepared_long_before():
    wire = logged_in()
    wire.parse("DELETE FROM victims", "late")
    heard = wire.sync()
    wire.query("SELECT 1")
    wire.bind("late")
    wire.execute()
    return heard + wire.sync()


def row_limit():
    wire = logged_in()
    wire.parse("DELETE FROM victims RETURNING id")
    wire.bind()
    wire.execute(rows=1)
    return wire.sync()


def two_syncs():
    wire = logged_in()
    wire.parse("DELETE FROM victims")
    wire.bind()
    wire.execute()
    wire.send(b"S")
    return wire.sync() + wire.until_ready()


def flush_without_sync():
    wire = logged_in()
    wire.parse("DELETE FROM victims")
    wire.bind()
    wire.execute()
    wire.send(b"H")
    wire.parse("COMMIT")
    wire.bind()
    wire.execute()
    return wire.sync()


def commit_in_a_pipeline():
    wire = logged_in()
    for text in ("BEGIN", "DELETE FROM victims", "COMMIT", "SELECT 1"):
        wire.parse(text)
        wire.bind()
        wire.execute()
    return wire.sync()


def several_in_one_parse():
    wire = logged_in()
    wire.parse("SELECT 1; DELETE FROM victims")
    return wire.sync()


def a_name_of_ours():
    wire = logged_in()
    heard = wire.query('PREPARE "_holdpoint" AS DELETE FROM victims')
    wire.bind("_holdpoint")
    wire.execute()
    return heard + wire.sync() + wire.query('EXECUTE "_holdpoint"')


def a_portal_of_ours():
    wire = logged_in()
    wire.parse("DELETE FROM victims")
    wire.bind("", "_holdpoint")
    wire.execute("_holdpoint")
    return wire.sync()


def bound_before_another():
    wire = logged_in()
    wire.parse("DELETE FROM victims", "a")
    wire.bind("a", "p")
    wire.parse("SELECT 1", "b")
    wire.bind("b", "q")
    wire.execute("q")
    wire.execute("p")
    return wire.sync()


def nothing_is_run():
    wire = logged_in()
    wire.parse("DELETE FROM victims", "a")
    wire.bind("a", "p")
    wire.send(b"D", b"Pp\0")
    return wire.sync() + wire.query("SELECT 1")


def a_call():
    return logged_in().call(function("purge_sql"), struct.pack("!i", 1))


def a_call_in_a_transaction():
    wire = logged_in()
    return wire.query("BEGIN") + wire.call(function("purge_sql"), struct.pack("!i", 1)) + wire.query("COMMIT")


def a_call_that_unlinks():
    wire = logged_in()
    return wire.query("BEGIN") + wire.call(964, struct.pack("!I", 4242)) + wire.query("COMMIT")


def a_call_that_looks():
    """lo_open and loread, as pg_dump and psql's own commands do."""
    wire = logged_in()
    heard = wire.query("BEGIN") + wire.call(952, struct.pack("!I", 4242), struct.pack("!i", 0x40000))
    return heard + wire.call(954, struct.pack("!i", 0), struct.pack("!i", 5)) + wire.query("COMMIT")


def a_call_outside():
    return logged_in().call(964, struct.pack("!I", 4242))


def one_message(tag, body):
    wire = logged_in()
    wire.send(tag, body)
    return wire.until_ready()


def an_unknown_message():
    return one_message(b"~", b"x")


def a_login_later():
    return one_message(b"p", b"x")


def a_length_that_lies():
    wire = logged_in()
    wire.socket.sendall(b"Q" + struct.pack("!I", 1 << 30) + b"SELECT 1\0")
    return wire.until_ready()


def a_text_with_a_hidden_end():
    return one_message(b"Q", b"SELECT 1\0; DELETE FROM victims\0")


def no_utf8():
    return one_message(b"Q", b"SELECT '\xc0\x27'; DELETE FROM victims; --'\0")


TRICKS = [
    prepared_long_before, row_limit, two_syncs, flush_without_sync, commit_in_a_pipeline, several_in_one_parse,
    a_name_of_ours, a_portal_of_ours, bound_before_another, nothing_is_run, a_call, a_call_in_a_transaction,
    a_call_that_unlinks, a_call_that_looks, a_call_outside, an_unknown_message, a_login_later, a_length_that_lies,
    a_text_with_a_hidden_end, no_utf8,
]
BEGINNINGS = [
    {"replication": "true"}, {"replication": "database"}, {"options": "-c standard_conforming_strings=off"},
    {"options": "-c default_transaction_read_only=off"}, {"standard_conforming_strings": "off"},
    {"client_encoding": "SJIS"}, {"session_replication_role": "replica"}, {"default_transaction_read_only": "off"},
    {"user": "postgres"}, {"database": "postgres"}, {"role": "postgres"}, {"version": 131072}, {"version": 196609},
    {"application_name": "x", "client_encoding": "UTF8", "search_path": "public"}, {"version": 196610},
]


def state():
    return number("SELECT oracle.state()")


before = state()
for name, trick in [(it.__name__, it) for it in TRICKS] + [
        (json.dumps(it), lambda it=it: begins(**it)) for it in BEGINNINGS]:
    try:
        heard = trick()
    except (EOFError, OSError) as error:
        heard = [f"gone {type(error).__name__}"]
    heard = [heard] if isinstance(heard, str) else heard
    after = state()
    print(json.dumps({"trick": name, "heard": heard, "lost": after != before}), flush=True)
    before = after
