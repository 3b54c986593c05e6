// Command verify verifies the access tokens (RFC 9068) of one issuer with the keys that it publishes.
//
// ISSUER, AUDIENCE and SCOPE come from the environment, tokens from standard input, one per line. Each gets one line of
// JSON: its verified claims, or why it is refused. The exit status is 0 when every token was good, else 1.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	good, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

func run(ctx context.Context) (good bool, err error) {
	maxAge, err1 := seconds("JWKS_MAX_AGE", "300")
	cooldown, err2 := seconds("JWKS_COOLDOWN", "30")
	issuer, err3 := setting("ISSUER", "")
	audience, err4 := setting("AUDIENCE", "")
	scope, err5 := setting("SCOPE", "")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return false, err
	}
	verifier, err := Discover(ctx, issuer, audience, maxAge, cooldown)
	if err != nil {
		return false, err
	}
	good = true
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		claims, err := verifier.Verify(ctx, strings.TrimSpace(lines.Text()), scope)
		var refused *Refused
		if errors.As(err, &refused) {
			good = false
			claims, _ = json.Marshal(map[string]string{"error": refused.Code, "reason": refused.Reason})
		}
		var line bytes.Buffer
		if err := json.Compact(&line, claims); err != nil {
			return false, err
		}
		fmt.Println(line.String())
	}
	return good, lines.Err()
}

func setting(name, fallback string) (string, error) {
	if value := os.Getenv(name); value != "" {
		return value, nil
	}
	if fallback == "" {
		return "", fmt.Errorf("%s is not set", name)
	}
	return fallback, nil
}

func seconds(name, fallback string) (time.Duration, error) {
	value, _ := setting(name, fallback)
	number, err := strconv.ParseFloat(value, 64)
	return time.Duration(number * float64(time.Second)), err
}
