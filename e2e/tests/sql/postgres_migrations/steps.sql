CREATE TABLE tags (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE NOT NULL)

CREATE TABLE post_tags (post int REFERENCES posts, tag bigint REFERENCES tags ON DELETE CASCADE, PRIMARY KEY (post, tag))

-- with rows already there, or none
ALTER TABLE tags ADD COLUMN number serial, ADD COLUMN made timestamptz DEFAULT clock_timestamp()

ALTER TABLE tags ADD COLUMN chance float8 DEFAULT random()

TRUNCATE tags, post_tags

CREATE TABLE events_rest PARTITION OF events DEFAULT

CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')

ALTER TABLE users ADD COLUMN nickname text

ALTER TABLE users ADD COLUMN active boolean NOT NULL DEFAULT true

ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()

ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT clock_timestamp()

ALTER TABLE users ADD COLUMN number serial

ALTER TABLE users ADD COLUMN num bigint GENERATED ALWAYS AS IDENTITY

ALTER TABLE users ADD COLUMN lower_email text GENERATED ALWAYS AS (lower(email)) STORED

ALTER TABLE users ADD CONSTRAINT users_email UNIQUE (email)

ALTER TABLE posts ADD CONSTRAINT long_title CHECK (length(title) < 90) NOT VALID

ALTER TABLE posts ADD COLUMN editor int REFERENCES users (id)

CREATE INDEX users_by_age ON users (age)

CREATE INDEX CONCURRENTLY users_by_active ON users (active)

CREATE TYPE weather AS ENUM ('rain', 'sun')

CREATE DOMAIN positive AS int CHECK (VALUE > 0)

CREATE SCHEMA reports

CREATE SCHEMA IF NOT EXISTS reports

CREATE TABLE reports.days (day date PRIMARY KEY, n int)

CREATE SEQUENCE tickets START 100

CREATE VIEW emails AS SELECT email FROM users

CREATE MATERIALIZED VIEW ages AS SELECT age, count(*) AS n FROM users GROUP BY age

CREATE STATISTICS users_stats (dependencies) ON id, age FROM users

ANALYZE users

ANALYZE

CREATE TEMP TABLE scratch AS SELECT * FROM users; DROP TABLE scratch

CREATE TEMP TABLE first (id int PRIMARY KEY); CREATE TEMP TABLE second (id int PRIMARY KEY REFERENCES first, x serial); CREATE INDEX ON second (x); DROP TABLE second; DROP TABLE first

BEGIN; CREATE TEMP TABLE third (id int PRIMARY KEY) ON COMMIT DROP; INSERT INTO third VALUES (1); COMMIT

BEGIN; CREATE TEMP TABLE stage (id int) ON COMMIT DELETE ROWS; INSERT INTO stage VALUES (1); INSERT INTO users (id, email) SELECT 900 + id, 'x' FROM stage; COMMIT

CREATE TEMP TABLE whole (a int) PARTITION BY LIST (a); CREATE TEMP TABLE whole_1 PARTITION OF whole FOR VALUES IN (1); CREATE TEMP TABLE whole_rest PARTITION OF whole DEFAULT; DROP TABLE whole CASCADE

INSERT INTO users (id, email) VALUES (1000, 'a@example.com') ON CONFLICT (id) DO UPDATE SET email = excluded.email

UPDATE posts SET state = 'published' WHERE state IS NULL

UPDATE posts SET state = 'published' WHERE id = 3

DROP TABLE IF EXISTS nothing_such

DROP FUNCTION IF EXISTS nothing_such(); DROP VIEW IF EXISTS nothing_such; DROP TYPE IF EXISTS nothing_such; DROP TRIGGER IF EXISTS nothing_such ON posts

ALTER TABLE posts DROP CONSTRAINT IF EXISTS nothing_such

DROP INDEX IF EXISTS nothing_such

---

CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'; REVOKE ALL ON FUNCTION twice(int) FROM PUBLIC; COMMENT ON FUNCTION twice(int) IS 'it''s twice'

CREATE TABLE events_2028 (LIKE events INCLUDING ALL); ALTER TABLE events ATTACH PARTITION events_2028 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')

ALTER TABLE posts VALIDATE CONSTRAINT long_title

ALTER TABLE users ALTER COLUMN age SET DEFAULT 18

ALTER TABLE users ALTER COLUMN active SET NOT NULL

ALTER TABLE users ALTER COLUMN active DROP NOT NULL

ALTER TABLE posts ALTER COLUMN state TYPE varchar(200)

ALTER TABLE users RENAME COLUMN nickname TO nick

ALTER TABLE users RENAME TO people

ALTER TABLE people RENAME TO users

ALTER TABLE posts ENABLE ROW LEVEL SECURITY

ALTER TABLE tags FORCE ROW LEVEL SECURITY

ALTER POLICY own ON posts RENAME TO owned

CREATE TRIGGER touched_again BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touched()

ALTER TABLE users ENABLE ALWAYS TRIGGER touched_again

ALTER INDEX users_by_age RENAME TO users_age

REINDEX TABLE users

CREATE OR REPLACE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := NEW.body; RETURN NEW; END $$

CREATE OR REPLACE VIEW titles AS SELECT id, title, body FROM posts

ALTER TYPE mood ADD VALUE 'fine'

ALTER TYPE mood RENAME VALUE 'sad' TO 'sorry'

ALTER TABLE reports.days SET SCHEMA public

ALTER SEQUENCE tickets OWNED BY users.id

ALTER SEQUENCE tickets RESTART WITH 500

COMMENT ON TABLE users IS 'who they are'

REVOKE SELECT ON posts FROM web

VACUUM users

VACUUM ANALYZE posts

REFRESH MATERIALIZED VIEW counted

SELECT setval('posts_id_seq', (SELECT max(id) FROM posts))

ALTER TABLE posts DROP CONSTRAINT long_title

DROP INDEX posts_by_title

DROP TRIGGER touched_again ON users

DROP VIEW emails

DROP MATERIALIZED VIEW ages

DROP MATERIALIZED VIEW counted

DROP TYPE weather

DROP DOMAIN positive

DROP DOMAIN sender; DROP FUNCTION "Any ""one"(); DROP TYPE "odd 'kind"

DROP SEQUENCE tickets

DROP STATISTICS users_stats

DROP FUNCTION twice(int)

CREATE RULE quiet AS ON DELETE TO post_tags DO INSTEAD NOTHING

DROP RULE quiet ON post_tags

DROP TABLE post_tags

ALTER TABLE events DETACH PARTITION events_2028

DROP TABLE events_2028

ALTER TABLE users DROP COLUMN nick

DROP SCHEMA reports

CREATE SCHEMA app; CREATE TYPE app.kind AS ENUM ('a', 'b'); CREATE TABLE app.things (id serial PRIMARY KEY, kind app.kind DEFAULT 'a'); INSERT INTO app.things (kind) VALUES ('b')

DROP SCHEMA app CASCADE

DROP TABLE tags CASCADE

TRUNCATE contacts RESTART IDENTITY

TRUNCATE users, posts RESTART IDENTITY CASCADE

DROP SCHEMA public CASCADE; CREATE SCHEMA public

DROP TABLE contacts; DROP TYPE point3; DROP DOMAIN email; DROP TYPE mood; DROP FUNCTION short(text)
