package example;

import com.nimbusds.jose.KeySourceException;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSelector;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.JWKSetUnavailableException;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.proc.SecurityContext;
import java.io.IOException;
import java.net.URI;
import java.text.ParseException;
import java.time.Duration;
import java.util.List;

/**
 * The issuer's published keys, held for at most {@code maxAge}. They are fetched when they are older, or when a token
 * names a key that is not among them, and never more often than once per {@code cooldown}, failed attempts included. A
 * failed fetch leaves the keys that are still fresh in use.
 *
 * <p>The source that Spring Security makes by itself fetches the keys for every token with an unknown key id.
 */
final class IssuerKeys implements JWKSource<SecurityContext> {

    private static final int TIMEOUT_MILLIS = 5_000;
    private static final int SIZE_LIMIT_BYTES = 64 * 1024;

    private record KeySet(JWKSet keys, long fetchedNanos) {}

    private final URI uri;
    private final long maxAgeNanos;
    private final long cooldownNanos;
    private volatile KeySet current;
    private Long lastAttemptNanos;
    private JWKSetUnavailableException failure; // of the last attempt

    IssuerKeys(URI uri, Duration maxAge, Duration cooldown) {
        this.uri = uri;
        this.maxAgeNanos = maxAge.toNanos();
        this.cooldownNanos = Math.min(cooldown.toNanos(), maxAgeNanos);
    }

    @Override
    public List<JWK> get(JWKSelector selector, SecurityContext context) throws KeySourceException {
        List<JWK> found = select(selector);
        return found.isEmpty() ? fetchAndSelect(selector) : found;
    }

    /** The matching keys, if there are some that are fresh enough to be believed. */
    private List<JWK> select(JWKSelector selector) {
        KeySet set = current;
        boolean fresh = set != null && System.nanoTime() - set.fetchedNanos() <= maxAgeNanos;
        return fresh ? selector.select(set.keys()) : List.of();
    }

    /** One fetch at a time; tokens whose key is known do not wait for it. */
    private synchronized List<JWK> fetchAndSelect(JWKSelector selector) throws KeySourceException {
        List<JWK> found = select(selector); // another request may have fetched it while we waited
        if (!found.isEmpty()) {
            return found;
        }
        if (lastAttemptNanos == null || System.nanoTime() - lastAttemptNanos >= cooldownNanos) {
            fetch();
        }
        if (failure != null) {
            throw failure;
        }
        return select(selector);
    }

    private void fetch() {
        lastAttemptNanos = System.nanoTime();
        try {
            JWKSet keys = JWKSet.load(uri.toURL(), TIMEOUT_MILLIS, TIMEOUT_MILLIS, SIZE_LIMIT_BYTES);
            current = new KeySet(keys, System.nanoTime());
            failure = null;
        } catch (IOException | ParseException problem) {
            failure = new JWKSetUnavailableException("the keys cannot be fetched: " + problem.getMessage(), problem);
        }
    }
}
