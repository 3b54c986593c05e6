package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// leeway is how much our clock and the issuer's may differ.
const leeway = 60 * time.Second

// Refused says why a token is not good. Code is invalid_token, insufficient_scope (RFC 6750 §3.1) or
// temporarily_unavailable; Reason is for the log, not for the caller.
type Refused struct{ Code, Reason string }

func (r *Refused) Error() string { return r.Code + ": " + r.Reason }

func invalid(format string, values ...any) error {
	return &Refused{"invalid_token", fmt.Sprintf(format, values...)}
}

// Verifier verifies access tokens (RFC 9068) of one issuer that are meant for one audience. It may be shared.
type Verifier struct {
	issuer, audience string
	keys             *IssuerKeys
}

// Verify returns the claims of a good token, as JSON, if it carries every word of scope. Any error is a *Refused.
func (v *Verifier) Verify(ctx context.Context, token, scope string) ([]byte, error) {
	key, err := v.signingKey(ctx, token)
	if err != nil {
		return nil, err
	}
	// The algorithm is ours, never the token's choice (RFC 8725 §3.1).
	claims, err := jws.Verify([]byte(token), jws.WithKey(jwa.RS256(), key), jws.WithCritValidation(true))
	if err != nil {
		return nil, invalid("%v", err)
	}
	// The signature has just been verified; what is left are the claims (RFC 9068 §2.2 and §4).
	parsed, err := jwt.Parse(claims, jwt.WithVerify(false), jwt.WithStrictStringClaims(true),
		jwt.WithIssuer(v.issuer), jwt.WithAudience(v.audience), jwt.WithAcceptableSkew(leeway),
		jwt.WithRequiredClaim("exp"), jwt.WithRequiredClaim("sub"), jwt.WithRequiredClaim("client_id"),
		jwt.WithRequiredClaim("iat"), jwt.WithRequiredClaim("jti"))
	if err != nil {
		return nil, invalid("%v", err)
	}
	var granted string
	_ = parsed.Get("scope", &granted) // absent, or not a string: nothing is granted
	for _, word := range strings.Fields(scope) {
		if !slices.Contains(strings.Fields(granted), word) {
			return nil, &Refused{"insufficient_scope", "the token lacks the scope " + word}
		}
	}
	return claims, nil
}

// signingKey reads the header, which nothing vouches for yet, and finds the key that the token says it is signed with.
func (v *Verifier) signingKey(ctx context.Context, token string) (jwk.Key, error) {
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil {
		return nil, invalid("%v", err)
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if algorithm, _ := header.Algorithm(); algorithm != jwa.RS256() {
		return nil, invalid("the token is not signed with RS256")
	}
	typ, _ := header.Type()
	if typ = strings.ToLower(typ); typ != "at+jwt" && typ != "application/at+jwt" { // RFC 9068 §4
		return nil, invalid("the token is not an access token (typ at+jwt)")
	}
	kid, _ := header.KeyID()
	key, err := v.keys.Key(ctx, kid)
	if errors.Is(err, errUnknownKey) {
		return nil, invalid("%v: %q", err, kid)
	} else if err != nil {
		return nil, &Refused{"temporarily_unavailable", err.Error()}
	}
	return key, nil
}
