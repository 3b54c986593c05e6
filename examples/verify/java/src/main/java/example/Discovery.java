package example;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/** Finds the issuer's keys through its discovery document (OpenID Connect Discovery §4). */
final class Discovery {

    private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "[::1]", "localhost");

    private Discovery() {}

    static URI jwksUri(String issuer) throws Exception {
        URI address = secure(issuer.replaceFirst("/+$", "") + "/.well-known/openid-configuration");
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
        HttpRequest request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(5)).build();
        HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException(address + " answers " + response.statusCode());
        }
        Map<String, Object> metadata = JSONObjectUtils.parse(response.body());
        if (!issuer.equals(metadata.get("issuer"))) { // OpenID Connect Discovery §4.3
            throw new IOException(address + " speaks for " + metadata.get("issuer") + ", not for " + issuer);
        }
        return secure((String) metadata.get("jwks_uri"));
    }

    private static URI secure(String address) {
        URI uri = URI.create(address);
        boolean loopback = uri.getHost() != null && LOOPBACK.contains(uri.getHost());
        if ("https".equals(uri.getScheme()) || ("http".equals(uri.getScheme()) && loopback)) {
            return uri;
        }
        throw new IllegalArgumentException(address + " is neither https nor on the loopback interface");
    }
}
