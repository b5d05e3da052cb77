"use strict";
(() => {
  drawCharts(document);
  const confusions = [...document.querySelectorAll(".confusion")];
  document.getElementById("confusion-of")?.addEventListener("change", ({ target }) => {
    confusions.forEach((confusion, k) => { confusion.hidden = k !== Number(target.value); });
  });
  const browser = JSON.parse(document.getElementById("browser").textContent);
  if (browser.photos.length) startBrowser(browser);
})();
