//! Java inside: it trusts the gateway, whichever Java it is and whatever it is told.

use e2e::{echo::LISTED, enclosed::Enclosed};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");

#[tokio::test(flavor = "multi_thread")]
async fn java_trusts_the_gateway_and_nobody_else() {
    for place in Enclosed::each(BINARY).await {
        if !place.outside("keytool").arg("-help").output().is_ok_and(|it| it.status.success()) {
            println!("there is no Java on this machine");
            return;
        }
        let listed = place.script("keytool -list -cacerts -storepass changeit 2>&1");
        let text = &listed.stdout;
        assert!(text.contains("contains 1 entry") && text.contains("holdpoint-0"), "{listed:?}");
        let program = "import java.net.*; class Fetch { public static void main(String[] a) \
                       throws Exception { var c = (HttpURLConnection) new URL(a[0]).openConnection(); \
                       System.out.println(c.getResponseCode()); } }";
        std::fs::write(place.path("work/Fetch.java"), program).unwrap();
        let fetched = place.script(&format!(
            "java -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=7080 Fetch.java https://{LISTED}/get"
        ));
        // Without a compiler there is only the list.
        if !fetched.stderr.contains("jdk.compiler") {
            assert_eq!(fetched.stdout, "200\n", "{}: {}", place.who(), fetched.stderr);
        }
    }
}
