"use strict";
(() => {
  // Figures take the colours of the page, and are drawn once they come into view.
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const isAxis = (key) => /^[xy]axis\d*$/.test(key);

  const unpacked = (trace) => {
    if (!trace.packed) return trace;
    const { packed, ...rest } = trace;
    const raw = Uint8Array.from(atob(packed.content), (letter) => letter.charCodeAt(0));
    const view = new DataView(raw.buffer);
    const z = [];
    for (let row = 0; row < packed.side; row++) {
      const line = [];
      for (let column = 0; column < packed.side; column++) {
        const place = row * packed.side + column;
        const whole = packed.bytes === 1 ? raw[place] : view.getInt16(2 * place, true);
        line.push(whole === packed.missing ? null : whole * packed.scale);
      }
      z.push(line);
    }
    return { ...rest, z };
  };

  const colored = (layout) => {
    const text = color("--text"), grid = color("--line");
    const axes = Object.keys(layout).filter(isAxis).map((key) => [
      key, { ...layout[key], gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true },
    ]);
    return {
      ...layout,
      ...Object.fromEntries(axes),
      font: { color: text, family: "system-ui, sans-serif", size: 12 },
      hoverlabel: { bgcolor: color("--raised"), bordercolor: grid, font: { color: text } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: color("--quiet"), activecolor: text },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
    };
  };

  const boxes = [...document.querySelectorAll(".plot")];
  const draw = (box) => {
    const figure = JSON.parse(box.parentElement.querySelector("script").textContent);
    box.layoutOfFile = figure.layout;
    const settings = {
      responsive: true, displaylogo: false, displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
      modeBarButtonsToRemove: ["select2d", "lasso2d"],
    };
    Plotly.newPlot(box, figure.data.map(unpacked), colored(figure.layout), settings);
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "400px" });
  boxes.forEach((box) => seen.observe(box));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    boxes.filter((box) => box.layoutOfFile).forEach((box) => Plotly.relayout(box, colored(box.layoutOfFile)));
  });

  // Tables are sorted by a click on a heading: numbers the largest first, text by the alphabet, nothing last.
  const key = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  };
  const sort = (table, place) => {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0], rows = [...body.rows];
    const numeric = rows.some((row) => key(row, place) !== null);
    const first = numeric ? "descending" : "ascending", other = numeric ? "ascending" : "descending";
    const order = heads[place].getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const compare = (one, two) => {
      if (!numeric) return sign * one.cells[place].textContent.localeCompare(two.cells[place].textContent);
      const [a, b] = [key(one, place), key(two, place)];
      return a === null || b === null ? (a === null) - (b === null) : sign * (a - b);
    };
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[place].setAttribute("aria-sort", order);
    body.append(...rows.sort(compare));
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, place));
    });
  }
})();
