import java.net.*;
import java.net.http.*;

/** Asks once: method and URL; the proxy is that of the environment. */
class Ask {
    public static void main(String[] arguments) throws Exception {
        var proxy = URI.create(System.getenv("HTTPS_PROXY"));
        var user = proxy.getUserInfo().split(":", 2);
        var client = HttpClient.newBuilder()
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())))
            .authenticator(new Authenticator() {
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(user[0], user[1].toCharArray());
                }
            })
            .build();
        for (var at = 0; at < arguments.length; at += 2) {
            var request = HttpRequest.newBuilder(URI.create(arguments[at + 1]))
                .method(arguments[at], HttpRequest.BodyPublishers.noBody()).build();
            var response = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(response.version() + " " + response.statusCode());
            System.out.println(response.body());
            if (response.statusCode() >= 400) System.exit(1);
        }
    }
}
