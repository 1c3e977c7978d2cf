"use strict";
(() => {
  const language = navigator.languages && navigator.languages.length ? navigator.languages : undefined;
  const format = (value, options) => new Intl.NumberFormat(language, options).format(value);
  const inUnit = (value, unit, digits) =>
    format(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits });

  // Numbers and moments, as the reader's language writes them ------------------------------------------------

  function bytes(value) {
    const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    let place = 0;
    while (Math.abs(value) >= 999.95 && place < names.length - 1) { value /= 1000; place += 1; }
    return inUnit(value, names[place], place ? 1 : 0);
  }

  function span(seconds) {
    if (seconds < 0.9995) return inUnit(seconds * 1000, "millisecond", seconds < 0.00995 ? 1 : 0);
    if (seconds < 59.95) return inUnit(seconds, "second", seconds < 9.995 ? 2 : 1);
    const minutes = Math.round(seconds / 60);
    if (minutes < 60) {
      const whole = Math.floor(Math.round(seconds) / 60);
      return `${inUnit(whole, "minute", 0)} ${inUnit(Math.round(seconds) - 60 * whole, "second", 0)}`;
    }
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return `${inUnit(hours, "hour", 0)} ${inUnit(minutes % 60, "minute", 0)}`;
    return `${inUnit(Math.floor(hours / 24), "day", 0)} ${inUnit(hours % 24, "hour", 0)}`;
  }

  function written(value, unit) {
    switch (unit) {
      case "%": return format(value, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
      case "B": return bytes(value);
      case "B/s": return `${bytes(value)}/s`;
      case "s": return span(value);
      case "/s": return format(value, { maximumFractionDigits: 1 });
      default: return format(value, { maximumFractionDigits: 3 });
    }
  }

  const clock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

  function localize(root) {
    for (const cell of root.querySelectorAll("td.n:not([data-n])")) {
      if (cell.textContent) cell.dataset.n = cell.textContent;
    }
    for (const place of root.querySelectorAll("[data-n]")) {
      place.textContent = written(Number(place.dataset.n), place.dataset.u);
    }
    for (const place of root.querySelectorAll("time")) {
      place.title = place.textContent;
      place.textContent = clock.format(new Date(place.dateTime));
    }
  }

  localize(document);

  // Tables -----------------------------------------------------------------------------------------------------

  const say = text => { document.getElementById("said").textContent = text; };

  function sortable(cell) {
    const time = cell.querySelector(":scope > time");
    if (time) return Date.parse(time.dateTime);
    if (cell.classList.contains("n")) return cell.dataset.n === undefined ? null : Number(cell.dataset.n);
    return cell.textContent;
  }

  function sort(table, column, heading) {
    const down = heading.getAttribute("aria-sort") === "ascending"
      || (!heading.hasAttribute("aria-sort") && heading.classList.contains("n"));
    const order = new Intl.Collator(language, { numeric: true });
    const body = table.tBodies[0];
    const rows = [...body.rows].map(row => [sortable(row.cells[column]), row]);
    rows.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      const ahead = typeof one === "number" ? one - other : order.compare(one, other);
      return down ? -ahead : ahead;
    });
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map(([, row]) => row));
    fold(table.closest(".table"));
    say(`sorted by ${heading.textContent}, ${down ? "largest" : "smallest"} first`);
  }

  function fold(place) {
    const more = place.querySelector(".more");
    if (!more) return;
    const shown = more.hidden ? Infinity : Number(more.dataset.shown);
    [...place.querySelector("tbody").rows].forEach((row, number) => { row.hidden = number >= shown; });
  }

  for (const place of document.querySelectorAll(".table")) {
    const table = place.querySelector("table");
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      heading.firstElementChild.addEventListener("click", () => sort(table, column, heading));
    });
    const more = place.querySelector(".more");
    if (more) {
      more.textContent = `Show all ${format(table.tBodies[0].rows.length)} rows`;
      more.addEventListener("click", () => { more.hidden = true; fold(place); place.querySelector(".scroll").focus(); });
    }
  }

  // CSV --------------------------------------------------------------------------------------------------------

  // No cell of text is taken for a formula: signs of East Asia count, and what has no width before one.
  const formula = /^[\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\uffa0\ufe00-\ufe0f]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212]/;
  const safe = text => (formula.test(text) ? `'${text}` : text);
  const quoted = text => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const csv = rows => rows.map(row => row.map(quoted).join(",") + "\r\n").join("");

  function value(cell) {
    if (cell.dataset.n !== undefined) return cell.dataset.n;
    const time = cell.querySelector(":scope > time");
    if (time) return time.dateTime;
    // A long URL is cut where it is read.
    const link = cell.querySelector(":scope > a.url");
    if (link) return link.getAttribute("href");
    const parts = cell.querySelectorAll("li, p");
    return safe(parts.length ? [...parts].map(part => part.textContent.trim()).join("; ") : cell.textContent.trim());
  }

  function ofTable(table) {
    return csv([...table.rows].map(row => [...row.cells].map(value)));
  }

  function ofPlot(plot) {
    const columns = plot.columns.map(column => column.map(each => (each === null ? "" : String(each))));
    return csv([plot.labels, ...columns[0].map((_, number) => columns.map(column => column[number]))]);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const place = document.createElement("textarea");
      place.value = text;
      document.body.append(place);
      place.select();
      document.execCommand("copy");
      place.remove();
    }
  }

  let plots = JSON.parse(document.getElementById("data").textContent);
  document.addEventListener("click", async event => {
    const button = event.target.closest("button.csv");
    if (!button) return;
    const plot = button.dataset.plot;
    await copy(plot ? ofPlot(plots[plot]) : ofTable(button.closest(".table").querySelector("table")));
    button.firstChild.textContent = "Copied";
    say("copied as CSV");
    setTimeout(() => { button.firstChild.textContent = "Copy as CSV"; }, 2000);
  });

  // Plots ------------------------------------------------------------------------------------------------------

  const drawn = [];
  const colours = ["--one", "--two", "--three", "--four", "--five"];

  function draw(place, plot) {
    const style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue(name).trim();
    const ticks = unit => (_, values) => values.map(each => (each === null ? "" : written(each, unit)));
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false } };
    const few = plot.columns[0].length < 3;
    const series = plot.labels.slice(1).map((label, number) => {
      const stroke = colour(colours[number % colours.length]);
      return {
        label, stroke, width: 2, spanGaps: plot.gaps, points: { show: few },
        dash: label === "estimate" ? [6, 6] : undefined,
        fill: plot.filled ? `${stroke}22` : undefined,
        value: (_, each) => (each === null || each === undefined ? "–" : written(each, plot.unit)),
      };
    });
    const options = {
      width: place.clientWidth, height: 240,
      scales: { x: { time: false }, y: { range: (_, least, most) => [0, most > 0 ? most * 1.08 : 1] } },
      series: [{ label: "worked", value: (_, each) => (each === null ? "–" : span(each)) }, ...series],
      axes: [{ ...axis, space: 70, values: ticks("s") }, { ...axis, size: 74, values: ticks(plot.unit) }],
      cursor: { points: { size: 8 }, drag: { x: false, y: false } },
    };
    place.replaceChildren();
    return new uPlot(options, plot.columns, place);
  }

  function drawAll() {
    for (const each of drawn.splice(0)) each.destroy();
    for (const [name, plot] of Object.entries(plots)) {
      const place = document.getElementById(`plot-${name}`);
      if (place) drawn.push(draw(place, plot));
    }
  }

  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (width !== document.documentElement.clientWidth) {
      width = document.documentElement.clientWidth;
      drawAll();
    }
  });

  // Draw what came since; plots that are there keep what their reader points at.
  function redraw(data) {
    const before = plots;
    plots = data;
    const names = Object.keys(plots);
    const isDrawn = name => before[name] && before[name].labels.join() === plots[name].labels.join()
      && document.querySelector(`#plot-${name} canvas`);
    if (names.length === drawn.length && names.every(isDrawn)) {
      names.forEach((name, number) => drawn[number].setData(plots[name].columns));
    } else {
      drawAll();
    }
  }

  // What a page that goes on asks for.
  globalThis.page = { localize, say, redraw };
})();
