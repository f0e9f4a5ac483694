import os, sys, tempfile, threading, time
url = sys.argv[1]

import psycopg
with psycopg.connect(url) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM customers WHERE id = %s", (3,))
        assert cursor.fetchone()[0] == "customer 3"
        cursor.executemany("INSERT INTO customers VALUES (%s, %s)", [(n, "many") for n in range(200, 260)])
    connection.commit()
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(20)]
        pipeline.sync()
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(20))
    connection.commit()
    try:
        with connection.transaction():
            connection.execute("INSERT INTO customers VALUES (1, 'twice')")
    except psycopg.errors.UniqueViolation:
        pass
    with connection.transaction():
        connection.execute("UPDATE customers SET name = 'inner' WHERE id = 200")
        try:
            with connection.transaction():
                connection.execute("SELECT 1/0")
        except psycopg.errors.DivisionByZero:
            pass
    with connection.cursor("named") as cursor:
        cursor.execute("SELECT id FROM orders ORDER BY id")
        assert len(cursor.fetchmany(100)) == 100
    connection.commit()
    with connection.cursor() as cursor:
        with cursor.copy("COPY customers FROM STDIN") as copy:
            for n in range(300, 400):
                copy.write_row((n, "copied"))
        assert cursor.execute("SELECT count(*) FROM customers WHERE name = 'copied'").fetchone()[0] == 100
    connection.commit()
with psycopg.connect(url, autocommit=True) as connection:
    timer = threading.Timer(0.5, connection.cancel)
    timer.start()
    try:
        connection.execute("SELECT pg_sleep(30)")
        raise SystemExit("not cancelled")
    except psycopg.errors.QueryCanceled:
        pass
    assert connection.execute("SELECT 1").fetchone()[0] == 1
    assert psycopg.connect(url + "?target_session_attrs=read-write").execute("SELECT 1").fetchone()[0] == 1
print("psycopg")

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
engine = sa.create_engine(url.replace("postgres://", "postgresql+psycopg://"))
class Base(DeclarativeBase): pass
class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Note(text=str(n)) for n in range(50)])
    session.commit()
    note = session.get(Note, 7)
    note.text = "changed"
    session.delete(session.get(Note, 8))
    session.commit()
    assert session.scalar(sa.select(sa.func.count()).select_from(Note)) == 49
assert "notes" in sa.inspect(engine).get_table_names()
print("sqlalchemy")

from alembic.migration import MigrationContext
from alembic.operations import Operations
with engine.begin() as connection:
    operations = Operations(MigrationContext.configure(connection))
    operations.create_table("migrated", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    operations.add_column("migrated", sa.Column("note", sa.Text, server_default="x"))
    operations.create_index("migrated_name", "migrated", ["name"])
    operations.create_foreign_key("fk", "migrated", "customers", ["id"], ["id"])
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    operations = Operations(MigrationContext.configure(connection))
    operations.create_index("migrated_note", "migrated", ["note"], postgresql_concurrently=True)
print("alembic")

from urllib.parse import urlparse
import django
from django.conf import settings
parts = urlparse(url)
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"], USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username,
        "PASSWORD": parts.password, "HOST": parts.hostname, "PORT": parts.port}})
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.db import transaction
with transaction.atomic():
    User.objects.create(username="ada")
    try:
        with transaction.atomic():
            User.objects.create(username="ada")
    except django.db.IntegrityError:
        pass
User.objects.filter(username="ada").update(email="a@example.com")
assert User.objects.get(username="ada").email == "a@example.com"
print("django")
