// Verifies the access tokens (RFC 9068) of one issuer with the keys that it publishes.
//
// ISSUER, AUDIENCE and SCOPE come from the environment, tokens from standard input, one per line. Each gets one line of
// JSON: its verified claims, or why it is refused. The exit status is 0 when every token was good, else 1.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";

const LEEWAY = 60; // seconds by which our clock and the issuer's may differ
const REQUIRED_CLAIMS = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]; // RFC 9068 §2.2
// Failures of the key set, not of the token: the caller did nothing wrong.
const KEY_SET_ERRORS = new Set(["ERR_JOSE_GENERIC", "ERR_JWKS_INVALID", "ERR_JWKS_TIMEOUT"]);

class Refused extends Error {
  constructor(error, reason) {
    super(reason);
    this.error = error;
  }
}

function setting(name, fallback) {
  const value = process.env[name] || fallback;
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

function secure(address) {
  const url = new URL(address);
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback)) return url;
  throw new Error(`${address} is neither https nor on the loopback interface`);
}

async function discoverJwksUri(issuer) {
  const url = secure(`${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`);
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const metadata = await response.json();
  // OpenID Connect Discovery §4.3
  if (metadata.issuer !== issuer) throw new Error(`${url} speaks for ${metadata.issuer}, not for ${issuer}`);
  return secure(metadata.jwks_uri);
}

// jose counts its cool-down from the last fetch that succeeded. This one counts from the last attempt, so that tokens
// with invented key ids cannot make us hammer an issuer that is down.
function onceEvery(milliseconds) {
  let nextAttempt = -Infinity;
  return async (url, options) => {
    if (performance.now() < nextAttempt) throw new Error("the last fetch of the keys failed, the next one has to wait");
    nextAttempt = performance.now() + milliseconds;
    return fetch(url, options);
  };
}

async function createVerifier({ issuer, audience, maxAge, cooldown }) {
  const cooldownDuration = Math.min(cooldown, maxAge) * 1000;
  const keys = createRemoteJWKSet(await discoverJwksUri(issuer), {
    cacheMaxAge: maxAge * 1000,
    cooldownDuration,
    timeoutDuration: 5000,
    [customFetch]: onceEvery(cooldownDuration),
  });
  const rules = {
    algorithms: ["RS256"], // ours, never the token's choice (RFC 8725 §3.1)
    typ: "at+jwt", // also matches application/at+jwt
    issuer,
    audience,
    clockTolerance: LEEWAY,
    requiredClaims: REQUIRED_CLAIMS,
  };
  return async function verify(token, scope) {
    const { payload } = await jwtVerify(token, keys, rules).catch((error) => {
      const ours = !(error instanceof errors.JOSEError) || KEY_SET_ERRORS.has(error.code);
      throw new Refused(ours ? "temporarily_unavailable" : "invalid_token", error.message);
    });
    const granted = typeof payload.scope === "string" ? payload.scope.split(" ") : [];
    if (!scope.split(" ").every((word) => granted.includes(word))) {
      throw new Refused("insufficient_scope", `the token lacks the scope ${scope}`);
    }
    return payload;
  };
}

async function main() {
  const scope = setting("SCOPE");
  const verify = await createVerifier({
    issuer: setting("ISSUER"),
    audience: setting("AUDIENCE"),
    maxAge: Number(setting("JWKS_MAX_AGE", "300")),
    cooldown: Number(setting("JWKS_COOLDOWN", "30")),
  });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(JSON.stringify(await verify(line.trim(), scope)));
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      console.log(JSON.stringify({ error: refusal.error, reason: refusal.message }));
      process.exitCode = 1;
    }
  }
}

main().catch((error) => {
  console.error(`cannot start: ${error.message}`);
  process.exit(1);
});
