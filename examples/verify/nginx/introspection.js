// Asks the authorization server whether an access token is good (RFC 7662) and turns the answer into the status that
// `auth_request` understands: 204 to let the request through, 401 or 403 to refuse it, anything else is an error.
import crypto from "crypto";

// The cache is keyed by this digest, so that no token is written to the disk.
function digest(r) {
  return crypto.createHash("sha256").update(r.variables.bearer_token).digest("hex");
}

async function verdict(r) {
  if (!r.variables.bearer_token) {
    return refuse(r, 401, "Bearer"); // no token: the challenge names no error (RFC 6750 §3.1)
  }
  const reply = await r.subrequest("/_introspect");
  let token = null;
  try {
    token = reply.status === 200 ? JSON.parse(reply.responseText) : null;
  } catch (e) {
    r.error(`the introspection endpoint answers with what is not JSON: ${e.message}`);
  }
  if (typeof token !== "object" || token === null) {
    r.error(`the introspection endpoint answers ${reply.status}`);
    return r.return(503);
  }
  if (!isAccessToken(token, r.variables)) {
    return refuse(r, 401, 'Bearer error="invalid_token"');
  }
  const required = r.variables.required_scope;
  if (!required.split(" ").every((word) => String(token.scope).split(" ").includes(word))) {
    return refuse(r, 403, `Bearer error="insufficient_scope", scope="${required}"`);
  }
  r.headersOut["X-Token-Subject"] = headerValue(token.sub);
  r.headersOut["X-Token-Client"] = headerValue(token.client_id);
  r.return(204);
}

// `active` alone says that the token is good for something: it may be a refresh token, or meant for another API.
function isAccessToken(token, settings) {
  const audiences = [].concat(token.aud);
  return (
    token.active === true &&
    token.exp > Date.now() / 1000 && // the answer may come from the cache
    String(token.token_type).toLowerCase() === "bearer" &&
    token.iss === settings.expected_issuer &&
    audiences.includes(settings.expected_audience)
  );
}

function refuse(r, status, challenge) {
  r.headersOut["X-Challenge"] = challenge; // nginx.conf makes WWW-Authenticate of it
  r.return(status);
}

// What goes into a header must be one line of plain characters.
function headerValue(claim) {
  return /^[\x21-\x7e]+$/.test(String(claim)) ? String(claim) : "";
}

export default { digest, verdict };
