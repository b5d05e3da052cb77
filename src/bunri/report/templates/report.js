"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Plotly knows nothing of the page's light and dark; the axes take the page's colours.
  const themed = (layout) => {
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
    return {
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), family: "inherit", size: 12 },
      xaxis: { ...layout.xaxis, ...axis },
      yaxis: { ...layout.yaxis, ...axis },
    };
  };

  const figures = [...document.querySelectorAll(".figure")].map((element) => {
    const spec = JSON.parse(element.querySelector("script").textContent);
    const plot = element.appendChild(document.createElement("div"));
    Plotly.newPlot(plot, spec.data, themed(spec.layout), { responsive: true, displayModeBar: false });
    return { plot, spec };
  });
  dark.addEventListener("change", () => {
    for (const { plot, spec } of figures) Plotly.react(plot, spec.data, themed(spec.layout), { responsive: true, displayModeBar: false });
  });

  // Labels keep their size on the screen, however large the photo is.
  const scaleLabels = () => {
    for (const svg of document.querySelectorAll(".panel svg")) {
      const scale = svg.viewBox.baseVal.width / Math.max(svg.clientWidth, 1);
      for (const text of svg.querySelectorAll("text")) {
        text.style.fontSize = `${11 * scale}px`;
        text.style.strokeWidth = `${3 * scale}px`;
      }
    }
  };
  window.addEventListener("resize", scaleLabels);
  scaleLabels();

  const filter = document.getElementById("class-filter");
  filter?.addEventListener("change", () => {
    for (const photo of document.querySelectorAll(".photo")) {
      photo.hidden = filter.value !== "" && !JSON.parse(photo.dataset.classes).includes(filter.value);
    }
    scaleLabels();
  });
})();
