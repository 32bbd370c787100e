"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Copying: the clipboard where there is one, else by a selection.
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.setAttribute("readonly", "");
      area.className = "away";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const said = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.of).textContent;
      button.textContent = (await copied(text)) ? "Copied" : "Select and copy by hand";
      setTimeout(() => { button.textContent = said; }, 2500);
    });
  }

  // The colour scheme: the reader's, until one is chosen.
  const scheme = document.getElementById("scheme");
  scheme.hidden = false;
  scheme.addEventListener("click", () => {
    const dark = root.dataset.scheme
      ? root.dataset.scheme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.scheme = dark ? "light" : "dark";
  });

  // A message on a ladder opens in a dialog; without this script the link leads to it.
  const dialog = document.getElementById("message");
  const content = dialog.querySelector(".content");
  let shown = null;
  const show = (pair) => {
    shown = pair;
    const copy = pair.cloneNode(true);
    copy.removeAttribute("id");
    copy.removeAttribute("tabindex");
    content.replaceChildren(copy);
    dialog.querySelector("h2").textContent = pair.dataset.title;
    dialog.querySelector(".back").disabled = !neighbour(-1);
    dialog.querySelector(".on").disabled = !neighbour(1);
    if (!dialog.open) dialog.showModal();
    content.scrollTop = 0;
  };
  const pairs = [...document.querySelectorAll("#messages .pair")];
  const neighbour = (way) => pairs[pairs.indexOf(shown) + way];
  for (const link of document.querySelectorAll("a.sd-link")) {
    link.addEventListener("click", (event) => {
      const pair = document.getElementById(link.getAttribute("href").slice(1));
      if (!pair || !dialog.showModal) return;
      event.preventDefault();
      show(pair);
    });
  }
  dialog.querySelector(".back").addEventListener("click", () => show(neighbour(-1)));
  dialog.querySelector(".on").addEventListener("click", () => show(neighbour(1)));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way && neighbour(way)) show(neighbour(way));
  });

  // On paper everything is open but the messages.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      if (!part.closest("#messages")) { part.open = true; opened.push(part); }
    }
  });
  addEventListener("afterprint", () => { for (const part of opened.splice(0)) part.open = false; });
})();
