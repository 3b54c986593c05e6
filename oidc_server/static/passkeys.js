"use strict";
// Passkeys and security keys (Web Authentication Level 3). Each element with data-passkey is a part of a form: its button
// asks the browser to "create" or to "get" a credential by data-options, and what the browser answers is sent in the
// form's field "credential", to data-answer-to if that is given. Without this script, or in a browser that knows no
// passkeys, these parts stay hidden, and what data-without-passkeys says is shown.
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const CHALLENGE_MILLISECONDS = 9 * 60 * 1000; // the server forgets it after ten minutes

  const toBytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));

  const toText = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const named = (descriptors) => (descriptors || []).map((one) => ({ ...one, id: toBytes(one.id) }));

  // PublicKeyCredential.parse...OptionsFromJSON and toJSON would do this, where browsers have them.
  const read = (options) => {
    const given = { ...options, challenge: toBytes(options.challenge) };
    if (options.user) given.user = { ...options.user, id: toBytes(options.user.id) };
    if (options.excludeCredentials) given.excludeCredentials = named(options.excludeCredentials);
    if (options.allowCredentials) given.allowCredentials = named(options.allowCredentials);
    return given;
  };

  const written = (credential) => {
    const { response } = credential;
    const answer = { clientDataJSON: toText(response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) answer[name] = toText(response[name]);
    }
    if (response.getTransports) answer.transports = response.getTransports();
    const id = toText(credential.rawId);
    const clientExtensionResults = credential.getClientExtensionResults();
    return JSON.stringify({ id, rawId: id, type: credential.type, response: answer, clientExtensionResults });
  };

  const prepare = (part) => {
    const form = part.closest("form");
    const button = part.querySelector("button");
    const said = { problem: part.querySelector("[data-problem]"), known: part.querySelector("[data-known]") };
    const isConditional = "conditional" in part.dataset;
    const shownAt = Date.now();
    let running = null;

    const ask = async (more) => {
      if (running) running.abort();
      running = new AbortController();
      const asked = { publicKey: read(JSON.parse(part.dataset.options)), signal: running.signal, ...more };
      const credential = await navigator.credentials[part.dataset.passkey](asked);
      form.elements.namedItem("credential").value = written(credential);
      if (part.dataset.answerTo) form.action = part.dataset.answerTo;
      form.submit();
    };

    const say = (what) => {
      for (const words of Object.values(said)) if (words) words.hidden = words !== what;
    };

    button.addEventListener("click", () => {
      if (isConditional && Date.now() - shownAt > CHALLENGE_MILLISECONDS) return location.reload();
      say(null);
      return ask({}).catch((error) => {
        // A key that is registered already is no mystery; everything else browsers do not tell from a change of mind.
        if (error.name !== "AbortError") say((error.name === "InvalidStateError" && said.known) || said.problem);
      });
    });

    part.hidden = false;
    // The browser offers passkeys among the names that it would fill in, and asks for nothing until one is chosen.
    if (isConditional && PublicKeyCredential.isConditionalMediationAvailable) {
      PublicKeyCredential.isConditionalMediationAvailable()
        .then((isAvailable) => (isAvailable ? ask({ mediation: "conditional" }) : null))
        .catch(() => null);
      setTimeout(() => running && running.abort(), CHALLENGE_MILLISECONDS);
    }
  };

  document.querySelectorAll("[data-passkey]").forEach(prepare);
  document.querySelectorAll("[data-without-passkeys]").forEach((words) => { words.hidden = true; });
})();
