// Browsers run no worker where a page is opened from a folder. Its code runs in a hidden frame there,
// which is what the site's search looks for under the name IFrameWorker.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    #frame = document.createElement("iframe");
    #ready;

    constructor(url) {
      super();
      this.#frame.hidden = true;
      this.#frame.srcdoc = "<!doctype html>";
      const opened = new Promise((resolve) => {
        this.#frame.addEventListener("load", resolve, { once: true });
      });
      this.#ready = opened.then(() => this.#begin(url));
      this.#ready.catch((error) => this.dispatchEvent(new ErrorEvent("error", { error })));
      document.body.append(this.#frame);
    }

    postMessage(data) {
      this.#ready.then(() => {
        this.#frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      }, () => {}); // reported as an error event
    }

    terminate() {
      this.#frame.remove();
    }

    #begin(url) {
      const inner = this.#frame.contentWindow;
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inner.importScripts = async (...urls) => {
        for (const each of urls) await this.#load(each);
      };
      return this.#load(url);
    }

    #load(url) {
      const script = this.#frame.contentDocument.createElement("script");
      script.src = url;
      return new Promise((resolve, reject) => {
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${url} cannot be loaded`));
        this.#frame.contentDocument.head.append(script);
      });
    }
  };
  window.Worker = window.IFrameWorker;
}
