// The demo page, worked as a person works it: for its tests and its pictures.

const limit = { timeout: 60_000 };

/** What a person does with the page in `tab` (browser.mjs: openTab). */
export class DemoPage {
  constructor(tab) {
    this.tab = tab;
  }

  /** Opens the page; what its policy refuses is collected. */
  async open(url) {
    await this.tab.page.evaluateOnNewDocument(() => {
      globalThis.violations = [];
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        globalThis.violations.push(`${violatedDirective}: ${blockedURI}`),
      );
    });
    await this.tab.page.goto(url, limit);
    await this.tab.page.waitForSelector('h1', limit);
  }

  /** Presses the button, or chooses the option, whose visible text or label begins with `name`. */
  async press(name) {
    const find = (name) => {
      const buttons = [...document.querySelectorAll('button:not(:disabled)')].filter((button) =>
        button.checkVisibility({ visibilityProperty: true }),
      );
      const labelOf = (button) => button.getAttribute('aria-label') ?? button.textContent.trim();
      return buttons.find((button) => labelOf(button).startsWith(name)) ?? null;
    };
    const button = await this.tab.page.waitForFunction(find, limit, name);
    await button.evaluate((button) => button.click());
    await button.dispose();
  }

  /** Waits until the page shows `text`. */
  async sees(text) {
    await this.tab.page.waitForFunction(
      (text) => document.body.innerText.includes(text),
      limit,
      text,
    );
  }

  async waitsFor(f, ...args) {
    await this.tab.page.waitForFunction(f, limit, ...args);
  }

  /** Waits until a model is ready. */
  async isReady() {
    await this.tab.page.waitForSelector('.model-light.ready', limit);
  }

  /** Downloads the catalogue's model, and waits for it. */
  async hasModel() {
    await this.press('Download');
    await this.isReady();
  }

  /** Chooses a file of the machine as the model. */
  async chooseModel(file) {
    const input = await this.tab.page.waitForSelector('.panel input[accept=".gguf"]', limit);
    await input.uploadFile(file);
    await input.dispose();
  }

  async type(label, text) {
    await this.tab.page.type(`[aria-label="${label}"]`, text);
  }

  /** Types `text` in place of what is in a field. */
  async retype(selector, text) {
    await this.tab.page.$eval(selector, (field) => field.select());
    await this.tab.page.keyboard.press('Backspace');
    await this.tab.page.type(selector, text);
  }

  look(f, ...args) {
    return this.tab.run(30, 'Looking', f, ...args);
  }

  /** Sends a message and waits until its answer has begun to appear. */
  async ask(text) {
    const before = await this.look(() => document.querySelectorAll('.message.assistant').length);
    await this.type('Your message', text);
    await this.press('Send');
    await this.waitsFor(
      (before) =>
        document.querySelectorAll('.message.assistant').length > before &&
        [...document.querySelectorAll('.message.assistant .message-body')].at(-1).innerText.trim(),
      before,
    );
  }

  /** Waits for the end of the last answer; its text. */
  async answer() {
    await this.waitsFor(() => !document.querySelector('[aria-busy="true"].message'));
    return this.look(
      () => [...document.querySelectorAll('.message.assistant .message-body')].at(-1).innerText,
    );
  }
}
