import java.io.StringReader;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Jdbc {
  static void check(boolean fine, String what) {
    if (!fine) throw new IllegalStateException(what);
  }

  static long count(Connection connection, String from) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT count(*) FROM " + from)) {
      rows.next();
      return rows.getLong(1);
    }
  }

  public static void main(String[] arguments) throws Exception {
    for (String mode : new String[] {"extended", "extendedForPrepared", "extendedCacheEverything", "simple"}) {
      Properties properties = new Properties();
      properties.setProperty("user", arguments[1]);
      properties.setProperty("password", arguments[2]);
      properties.setProperty("preferQueryMode", mode);
      properties.setProperty("sslmode", "disable");
      try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
        // From the fifth time on, the driver prepares it under a name, and asks for binary answers.
        try (PreparedStatement by = connection.prepareStatement("SELECT name FROM customers WHERE id = ?")) {
          for (int id = 1; id <= 10; id++) {
            by.setInt(1, id);
            try (ResultSet rows = by.executeQuery()) {
              check(rows.next() && rows.getString(1).equals("customer " + id), mode + " by key");
            }
          }
        }
        connection.setAutoCommit(false);
        try (PreparedStatement make = connection.prepareStatement("INSERT INTO customers VALUES (?, ?)")) {
          for (int id = 1000; id < 1200; id++) {
            make.setInt(1, id);
            make.setString(2, mode);
            make.addBatch();
          }
          check(make.executeBatch().length == 200, "batch");
        }
        Savepoint mark = connection.setSavepoint("mark");
        try (Statement statement = connection.createStatement()) {
          statement.executeUpdate("INSERT INTO customers VALUES (1, 'twice')");
          throw new IllegalStateException("a key was taken twice");
        } catch (SQLException expected) {
          check(expected.getSQLState().equals("23505"), expected.getSQLState());
          connection.rollback(mark);
        }
        connection.commit();
        check(count(connection, "customers WHERE name = '" + mode + "'") == 200, "committed");
        try (Statement cursor = connection.createStatement()) {
          cursor.setFetchSize(50);
          int seen = 0;
          try (ResultSet rows = cursor.executeQuery("SELECT * FROM orders ORDER BY id")) {
            while (rows.next()) seen++;
          }
          check(seen == 990, "fetched " + seen);
          check(cursor.executeUpdate("DELETE FROM customers WHERE name = '" + mode + "'") == 200, "deleted");
        }
        connection.rollback();
        connection.setAutoCommit(true);
        try (PreparedStatement made =
            connection.prepareStatement("INSERT INTO orders (customer, total) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
          made.setInt(1, 5);
          made.setBigDecimal(2, new java.math.BigDecimal("12.50"));
          check(made.executeUpdate() == 1, "made");
          try (ResultSet keys = made.getGeneratedKeys()) {
            check(keys.next() && keys.getInt("id") > 990, "key");
          }
        }
        if (!mode.equals("simple")) {
          CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
          check(copies.copyIn("COPY customers FROM STDIN", new StringReader("5000\tcopied\n5001\tcopied\n")) == 2, "copy");
        }
        try (Statement slow = connection.createStatement()) {
          slow.setQueryTimeout(1);
          slow.execute("SELECT pg_sleep(30)");
          throw new IllegalStateException("not cancelled");
        } catch (SQLException expected) {
          check(expected.getSQLState().equals("57014"), expected.getSQLState());
        }
        check(connection.getMetaData().getTables(null, "public", "%", new String[] {"TABLE"}).next(), "metadata");
        connection.setReadOnly(true);
        check(count(connection, "orders") >= 990, "read only");
        connection.setReadOnly(false);
        connection.createStatement().executeUpdate("DELETE FROM customers WHERE id >= 1000");
        connection.createStatement().executeUpdate("DELETE FROM orders WHERE id > 990");
      }
      System.out.println(mode);
    }
  }
}
