"use strict";
(() => {
  const place = document.getElementById("live");
  if (!place) return;
  const lost = document.getElementById("lost");
  let source = null;
  let plots = document.getElementById("data").textContent;

  // What is there is changed in its place, so that focus, selection and scrolling stay where they are. Plots are drawn
  // by their own script.
  function change(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) { old.replaceWith(fresh); return; }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (!old.classList.contains("plot")) changeInside(old, fresh);
  }

  function changeInside(old, fresh) {
    const news = [...fresh.childNodes];
    const olds = [...old.childNodes];
    news.forEach((node, number) => { if (olds[number]) change(olds[number], node); else old.append(node); });
    olds.slice(news.length).forEach(node => node.remove());
  }

  function take(event) {
    const seen = JSON.parse(event.data);
    const fresh = document.createElement("template");
    fresh.innerHTML = seen.html;
    page.localize(fresh.content);
    changeInside(place, fresh.content);
    const drawn = JSON.stringify(seen.plots);
    if (drawn !== plots || place.querySelector(".plot:not(:has(canvas))")) { plots = drawn; page.redraw(seen.plots); }
    if (place.dataset.state !== seen.state) {
      place.dataset.state = seen.state;
      page.say(seen.state);
    }
  }

  // Nobody looks at a page that is hidden, and a browser has few connections for all of them.
  function watch() {
    if (document.hidden) {
      if (source) source.close();
      source = null;
    } else if (!source) {
      source = new EventSource(place.dataset.source);
      source.onmessage = take;
      source.onopen = () => { lost.hidden = true; };
      source.onerror = () => {
        lost.hidden = false;
        // Where it was refused, the browser tries no more by itself.
        if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(watch, 5000); }
      };
    }
  }

  document.addEventListener("visibilitychange", watch);
  addEventListener("pagehide", () => { if (source) source.close(); source = null; });
  addEventListener("pageshow", watch);
  watch();
})();
