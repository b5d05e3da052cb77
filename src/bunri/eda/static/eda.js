"use strict";
(() => {
  const filter = document.getElementById("class-filter");

  const fill = (cell, count, whole, text) => {
    cell.style.setProperty("--share", whole ? count / whole : 0);
    cell.textContent = text;
  };
  const words = (count) => count.toLocaleString("en");

  // Bars of one class, or of all (row 0).
  const showBars = (row) => {
    for (const table of document.querySelectorAll("table[data-counts]")) {
      const counts = JSON.parse(table.dataset.counts)[row];
      const most = Math.max(...counts, 1);
      table.querySelectorAll("td").forEach((cell, bin) => fill(cell, counts[bin], most, words(counts[bin])));
    }
  };

  const showResized = (row) => {
    const boxes = JSON.parse(document.getElementById("resized-table").dataset.boxes)[row];
    for (const line of document.querySelectorAll("tr[data-below]")) {
      const below = JSON.parse(line.dataset.below)[row], side = JSON.parse(line.dataset.sides)[row];
      line.querySelector(".side").textContent = side === null ? "–" : words(Math.round(side));
      line.querySelectorAll("td.bar").forEach((cell, size) => {
        const percent = boxes ? `${((100 * below[size]) / boxes).toFixed(1)}%` : "–";
        fill(cell, below[size], boxes, `${words(below[size])} (${percent})`);
      });
    }
  };

  const show = () => {
    const row = Number(filter.value);
    showBars(row);
    showResized(row);
    for (const element of document.querySelectorAll("[data-class]")) {
      element.hidden = row !== 0 && element.dataset.class !== filter.value;
    }
  };
  filter.addEventListener("change", show);

  // Labels keep their size on the screen, however large the photo is.
  const scaleLabels = () => {
    for (const svg of document.querySelectorAll(".variants svg")) {
      const scale = svg.viewBox.baseVal.width / Math.max(svg.clientWidth, 1);
      for (const text of svg.querySelectorAll("text")) {
        text.style.fontSize = `${11 * scale}px`;
        text.style.strokeWidth = `${3 * scale}px`;
      }
    }
  };
  window.addEventListener("resize", scaleLabels);
  scaleLabels();
})();
