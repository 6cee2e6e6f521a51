// Opens RIACHO_URL in headless Chromium as a reader in RIACHO_LOCALE, and prints what the browser made of it. With RIACHO_PICTURE it
// also writes a picture of the page.
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.RIACHO_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const context = await browser.newContext({ locale: process.env.RIACHO_LOCALE ?? "en-US", viewport: { width: 1000, height: 900 } });
  const tab = await context.newPage();
  const seen = { complaints: [], requests: [] };
  tab.on("console", (message) => seen.complaints.push(message.text()));
  tab.on("pageerror", (error) => seen.complaints.push(error.message));
  tab.on("request", (request) => seen.requests.push(request.url()));
  const reply = await tab.goto(process.env.RIACHO_URL);
  seen.status = reply.status();
  Object.assign(seen, await tab.evaluate(() => ({
    title: document.title, lang: document.documentElement.lang, heading: document.querySelector("h1")?.innerText,
    commands: [...document.querySelectorAll("pre")].map((block) => block.innerText), wide: [document.body, ...document.querySelectorAll("pre")].some((block) => block.scrollWidth > block.clientWidth),
    margin: getComputedStyle(document.body).maxWidth,
  })));
  if (process.env.RIACHO_PICTURE) await tab.screenshot({ path: process.env.RIACHO_PICTURE, fullPage: true });
  await tab.click("footer a");
  seen.other = await tab.evaluate(() => document.documentElement.lang);
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
