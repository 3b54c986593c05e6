package example;

import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtValidationException;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.MappedJwtClaimSetConverter;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** Verifies access tokens (RFC 9068) of one issuer that are meant for one audience. It may be shared by threads. */
final class AccessTokenVerifier {

    /**
     * Why a token is not good: {@code invalid_token}, {@code insufficient_scope} (RFC 6750 §3.1) or
     * {@code temporarily_unavailable}. The message is for the log, not for the caller.
     */
    static final class Refused extends Exception {
        final String error;

        Refused(String error, Exception cause) {
            super(cause.getMessage(), cause);
            this.error = error;
        }
    }

    private final JwtDecoder decoder;

    /** {@code scope} holds the words, separated by spaces, that every token must carry. */
    AccessTokenVerifier(String issuer, String audience, String scope, Duration maxAge, Duration cooldown)
            throws Exception {
        URI jwksUri = Discovery.jwksUri(issuer);
        NimbusJwtDecoder nimbus = NimbusJwtDecoder.withJwkSource(new IssuerKeys(jwksUri, maxAge, cooldown))
                .jwsAlgorithm(SignatureAlgorithm.RS256) // ours, never the token's choice (RFC 8725 §3.1)
                .build();
        // By default `iss` is read as a URL, in which HTTPS://... and https://... are the same. It must match exactly.
        nimbus.setClaimSetConverter(MappedJwtClaimSetConverter.withDefaults(Map.of("iss", iss -> iss)));
        // RFC 9068 §2.2 and §4: typ at+jwt, the required claims, and 60 seconds between two clocks. Without this line
        // the decoder wants the type JWT and refuses every access token.
        OAuth2TokenValidator<Jwt> accessToken =
                JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience).build();
        nimbus.setJwtValidator(new DelegatingOAuth2TokenValidator<>(accessToken, jwt -> checkScope(jwt, scope)));
        this.decoder = nimbus;
    }

    Jwt verify(String token) throws Refused {
        try {
            return decoder.decode(token);
        } catch (JwtValidationException refusal) {
            // One fault of the token itself outweighs a missing scope.
            boolean scopeOnly = refusal.getErrors().stream().allMatch(e -> "insufficient_scope".equals(e.getErrorCode()));
            throw new Refused(scopeOnly ? "insufficient_scope" : "invalid_token", refusal);
        } catch (BadJwtException refusal) {
            throw new Refused("invalid_token", refusal);
        } catch (JwtException keysUnavailable) {
            throw new Refused("temporarily_unavailable", keysUnavailable);
        }
    }

    private static OAuth2TokenValidatorResult checkScope(Jwt jwt, String scope) {
        List<String> granted =
                jwt.getClaim("scope") instanceof String words ? Arrays.asList(words.split(" ")) : List.of();
        if (granted.containsAll(Arrays.asList(scope.split(" ")))) {
            return OAuth2TokenValidatorResult.success();
        }
        return OAuth2TokenValidatorResult.failure(
                new OAuth2Error("insufficient_scope", "the token lacks the scope " + scope, null));
    }
}
