import assert from "node:assert";
import { mkdirSync, writeFileSync } from "node:fs";
import pg from "pg";
import postgres from "postgres";
import { count, eq, inArray, relations, sql } from "drizzle-orm";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { migrate as migratePg } from "drizzle-orm/node-postgres/migrator";
import { drizzle as overPostgresJs } from "drizzle-orm/postgres-js";
import { integer, numeric, pgTable, serial, text } from "drizzle-orm/pg-core";

const url = process.argv[2];
const customers = pgTable("customers", { id: integer("id").primaryKey(), name: text("name").notNull() });
const orders = pgTable("orders", { id: serial("id").primaryKey(), customer: integer("customer").notNull(), total: numeric("total") });
const ordersOf = relations(customers, ({ many }) => ({ orders: many(orders) }));
const customerOf = relations(orders, ({ one }) => ({ of: one(customers, { fields: [orders.customer], references: [customers.id] }) }));
const schema = { customers, orders, ordersOf, customerOf };

async function work(db, name) {
  const [one] = await db.select().from(customers).where(eq(customers.id, 7));
  assert.strictEqual(one.name, "customer 7");
  await db.insert(customers).values([{ id: 700, name }, { id: 701, name }]).onConflictDoUpdate({ target: customers.id, set: { name } });
  const made = await db.insert(orders).values({ customer: 700, total: "3.50" }).returning();
  assert.strictEqual(made[0].total, "3.50");
  await assert.rejects(db.transaction(async (inner) => {
    await inner.update(customers).set({ name: "lost" }).where(eq(customers.id, 700));
    await inner.transaction(async (deeper) => { await deeper.execute(sql`SELECT 1`); });
    inner.rollback();
  }));
  await db.transaction(async (inner) => {
    await inner.update(customers).set({ name: "kept" }).where(eq(customers.id, 700));
  }, { isolationLevel: "repeatable read" });
  const found = await db.query.customers.findFirst({ where: eq(customers.id, 700), with: { orders: true } });
  assert.deepStrictEqual([found.name, found.orders.length], ["kept", 1]);
  await db.delete(customers).where(inArray(customers.id, [700, 701]));
  const [left] = await db.select({ n: count() }).from(customers);
  assert.strictEqual(left.n, 100);
  console.log(name);
}

const pool = new pg.Pool({ connectionString: url, max: 3 });
mkdirSync("migrations/meta", { recursive: true });
writeFileSync("migrations/meta/_journal.json", JSON.stringify({ version: "7", dialect: "postgresql",
  entries: [{ idx: 0, version: "7", when: 1, tag: "0000_first", breakpoints: true }] }));
writeFileSync("migrations/0000_first.sql",
  'CREATE TABLE "drizzled" ("id" serial PRIMARY KEY, "name" text);\n--> statement-breakpoint\nCREATE INDEX "drizzled_name" ON "drizzled" ("name");');
const db = overPg(pool, { schema });
await migratePg(db, { migrationsFolder: "migrations" });
await migratePg(db, { migrationsFolder: "migrations" });
assert.strictEqual((await pool.query("SELECT to_regclass('drizzled') IS NOT NULL AS there")).rows[0].there, true);
await work(db, "node-postgres");
await pool.end();
const client = postgres(url, { max: 3, onnotice: () => {} });
await work(overPostgresJs(client, { schema }), "postgres.js");
await client.end();
