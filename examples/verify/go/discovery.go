package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client asks the issuer. It gives up after five seconds and follows no redirect.
var client = &http.Client{
	Timeout:       5 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Discover makes a Verifier from the issuer's discovery document.
func Discover(ctx context.Context, issuer, audience string, maxAge, cooldown time.Duration) (*Verifier, error) {
	address := strings.TrimRight(issuer, "/") + "/.well-known/openid-configuration"
	if err := secure(address); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if metadata.Issuer != issuer { // OpenID Connect Discovery §4.3
		return nil, fmt.Errorf("%s speaks for %q, not for %q", address, metadata.Issuer, issuer)
	}
	keys := &IssuerKeys{uri: metadata.JWKSURI, maxAge: maxAge, cooldown: min(cooldown, maxAge)}
	return &Verifier{issuer, audience, keys}, secure(metadata.JWKSURI)
}

// secure refuses an address that is neither https nor on the loopback interface.
func secure(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	loopback := slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, parsed.Hostname())
	if parsed.Scheme == "https" || parsed.Scheme == "http" && loopback {
		return nil
	}
	return fmt.Errorf("%s is neither https nor on the loopback interface", address)
}
