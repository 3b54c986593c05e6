package example;

import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/**
 * ISSUER, AUDIENCE and SCOPE come from the environment, tokens from standard input, one per line. Each gets one line of
 * JSON: its verified claims, or why it is refused. The exit status is 0 when every token was good, else 1.
 */
public final class Verify {

    private Verify() {}

    public static void main(String[] arguments) {
        try {
            System.exit(run() ? 0 : 1);
        } catch (Exception failure) {
            System.err.println("verify: " + failure);
            System.exit(1);
        }
    }

    private static boolean run() throws Exception {
        AccessTokenVerifier verifier = new AccessTokenVerifier(
                setting("ISSUER", null),
                setting("AUDIENCE", null),
                setting("SCOPE", null),
                seconds("JWKS_MAX_AGE", "300"),
                seconds("JWKS_COOLDOWN", "30"));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        boolean good = true;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String token = line.strip();
            Map<String, Object> answer;
            try {
                verifier.verify(token);
                answer = JWTParser.parse(token).getJWTClaimsSet().toJSONObject();
            } catch (AccessTokenVerifier.Refused refusal) {
                good = false;
                answer = Map.of("error", refusal.error, "reason", refusal.getMessage());
            }
            System.out.println(JSONObjectUtils.toJSONString(answer));
        }
        return good;
    }

    private static String setting(String name, String fallback) {
        String value = System.getenv().getOrDefault(name, fallback);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }

    private static Duration seconds(String name, String fallback) {
        return Duration.ofMillis((long) (Double.parseDouble(setting(name, fallback)) * 1000));
    }
}
