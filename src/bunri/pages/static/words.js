"use strict";
// The language and the colours of the page, and sentences for the other scripts: say(key, values).
const { say, onLanguage } = (() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const root = document.documentElement;
  const listeners = [];

  // A page opened from a file may be refused its storage.
  const kept = (name) => { try { return localStorage.getItem(`bunri.${name}`); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(`bunri.${name}`, value); } catch { /* it is asked again */ } };

  const say = (key, values = {}) =>
    (words[root.lang][key] ?? words.en[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

  const translate = (language) => {
    root.lang = language;
    for (const element of document.querySelectorAll("[data-t]"))
      element.textContent = say(element.dataset.t, JSON.parse(element.dataset.values ?? "{}"));
    for (const element of document.querySelectorAll("[data-t-label]")) {
      const { before, tLabel } = element.dataset, said = tLabel.split(" ").filter(Boolean).map((key) => say(key));
      element.setAttribute("aria-label", [before, ...said].filter(Boolean).join(". "));
    }
    for (const element of document.querySelectorAll("[data-t-placeholder]"))
      element.setAttribute("placeholder", say(element.dataset.tPlaceholder));
    for (const listener of listeners) listener();
  };

  const choice = (id, initial, apply) => {
    const select = document.getElementById(id);
    const wanted = kept(id) ?? initial;
    select.value = [...select.options].some((option) => option.value === wanted) ? wanted : select.options[0].value;
    apply(select.value);
    select.addEventListener("change", () => { keep(id, select.value); apply(select.value); });
  };

  choice("theme", "light dark", (scheme) => { root.style.colorScheme = scheme; });
  choice("language", navigator.language.slice(0, 2), translate);
  return { say, onLanguage: (listener) => listeners.push(listener) };
})();
