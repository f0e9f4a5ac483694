//! sqlx through the gateway, unharmed.
use sqlx::{Acquire, Connection, Executor, PgPool, Row, postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgSslMode}};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let url = std::env::args().nth(1).expect("a URL");
    let options: PgConnectOptions = url.parse::<PgConnectOptions>()?.ssl_mode(PgSslMode::Disable);
    let pool: PgPool = PgPoolOptions::new().max_connections(4).connect_with(options).await?;
    for id in 1..20 {
        let name: String = sqlx::query_scalar("SELECT name FROM customers WHERE id = $1").bind(id).fetch_one(&pool).await?;
        assert_eq!(name, format!("customer {id}"));
    }
    let mut transaction = pool.begin().await?;
    for id in 600..650 {
        sqlx::query("INSERT INTO customers VALUES ($1, $2)").bind(id).bind("sqlx").execute(&mut *transaction).await?;
    }
    let mut inner = transaction.begin().await?;
    let twice = sqlx::query("INSERT INTO customers VALUES (1, 'twice')").execute(&mut *inner).await;
    assert_eq!(twice.unwrap_err().as_database_error().unwrap().code().unwrap(), "23505");
    inner.rollback().await?;
    transaction.commit().await?;
    let mut lost = pool.begin().await?;
    sqlx::query("DELETE FROM customers WHERE id >= 600").execute(&mut *lost).await?;
    drop(lost);
    let rows = sqlx::query("SELECT id FROM customers WHERE id >= 600 ORDER BY id").fetch_all(&pool).await?;
    assert_eq!((rows.len(), rows[0].get::<i32, _>(0)), (50, 600));
    pool.execute("CREATE TABLE migrated (id bigserial PRIMARY KEY, t timestamptz DEFAULT now()); CREATE INDEX ON migrated (t);").await?;
    let mut connection = pool.acquire().await?;
    let mut copy = connection.copy_in_raw("COPY customers FROM STDIN").await?;
    copy.send(&b"900\tcopied\n901\tcopied\n"[..]).await?;
    assert_eq!(copy.finish().await?, 2);
    connection.ping().await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("news").await?;
    sqlx::query("SELECT pg_notify('news', 'hello')").execute(&pool).await?;
    assert_eq!(listener.recv().await?.payload(), "hello");
    let deleted = sqlx::query("DELETE FROM customers WHERE id >= 600").execute(&pool).await?;
    assert_eq!(deleted.rows_affected(), 52);
    println!("sqlx");
    Ok(())
}
