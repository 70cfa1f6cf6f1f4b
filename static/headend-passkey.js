// Ask the browser's passkeys: a form says where the question is made, and sends the answer like any other field.
"use strict";

(() => {
  const known = window.PublicKeyCredential?.parseRequestOptionsFromJSON;

  const tell = (form, text) => {
    const place = form.querySelector("[data-passkey-says]");
    place.textContent = text;
    place.hidden = !text;
  };

  const ask = async (form) => {
    const answer = await fetch(form.dataset.passkeyBegin, { method: "POST", body: new FormData(form) });
    const options = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(options.detail || "Headend did not answer; try again.");
    const credential =
      form.dataset.passkey === "add"
        ? await navigator.credentials.create({
            publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey),
          })
        : await navigator.credentials.get({
            publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey),
          });
    return JSON.stringify(credential.toJSON());
  };

  const begin = () => {
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      if (!known) continue;
      form.hidden = false;
      form.addEventListener("submit", async (event) => {
        if (form.elements.credential.value) return;
        event.preventDefault();
        tell(form, "");
        try {
          form.elements.credential.value = await ask(form);
        } catch (error) {
          tell(form, error.name === "NotAllowedError" ? "No passkey was shown." : error.message);
          return;
        }
        form.submit();
      });
    }
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
