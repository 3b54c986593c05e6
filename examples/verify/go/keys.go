package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

var errUnknownKey = errors.New("the issuer publishes no such key")

// IssuerKeys holds the issuer's published keys for at most maxAge. It fetches them when they are older, or when a token
// names a key that is not among them, and never more often than once per cooldown, failed attempts included. A failed
// fetch leaves the keys that are still fresh in use.
type IssuerKeys struct {
	uri              string
	maxAge, cooldown time.Duration

	current     atomic.Pointer[keySet]
	mutex       sync.Mutex // one fetch at a time; tokens whose key is known do not wait for it
	nextAttempt time.Time
	failure     error // of the last attempt
}

type keySet struct {
	keys    jwk.Set
	expires time.Time
}

// find returns the key if the set has it and is fresh enough to be believed, or nil.
func (s *keySet) find(kid string) jwk.Key {
	if s == nil || time.Now().After(s.expires) {
		return nil
	}
	if key, ok := s.keys.LookupKeyID(kid); ok {
		if use, ok := key.KeyUsage(); !ok || use == "sig" {
			return key
		}
	}
	return nil
}

// Key returns the key with this id. The error is errUnknownKey when the issuer has no such key, and another one when
// the keys cannot be had.
func (k *IssuerKeys) Key(ctx context.Context, kid string) (jwk.Key, error) {
	if key := k.current.Load().find(kid); key != nil {
		return key, nil
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	// Another request may have fetched it while we waited.
	if key := k.current.Load().find(kid); key != nil {
		return key, nil
	}
	if !time.Now().Before(k.nextAttempt) {
		k.nextAttempt = time.Now().Add(k.cooldown)
		var keys jwk.Set
		keys, k.failure = jwk.Fetch(ctx, k.uri, jwk.WithHTTPClient(client))
		if k.failure == nil {
			k.current.Store(&keySet{keys, time.Now().Add(k.maxAge)})
		}
	}
	if k.failure != nil {
		return nil, k.failure
	}
	if key := k.current.Load().find(kid); key != nil {
		return key, nil
	}
	return nil, errUnknownKey
}
