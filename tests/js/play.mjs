// Plays an HLS address in headless Chromium, with hls.js or (RIACHO_NATIVE=1) with the browser's own player, until it ends or for
// RIACHO_SECONDS, and prints what happened.
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const hlsPath = createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js");
const seconds = Number(process.env.RIACHO_SECONDS ?? 60);

// The page is another origin than the server's, as a camera wall on somebody's web site is.
const page = `<!doctype html><video id="video" muted playsinline></video><script src="/hls.js"></script>`;
const site = http.createServer((request, response) => {
  const script = request.url === "/hls.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? fs.readFileSync(hlsPath) : page);
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: process.env.RIACHO_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"],
});
try {
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${site.address().port}/`);
  const outcome = await tab.evaluate(async ({ url, seconds, native }) => {
    const video = document.getElementById("video");
    const seen = { ended: false, fatal: [], errors: [], loaded: 0, frames: 0, stalls: 0 };
    video.addEventListener("waiting", () => (seen.stalls += 1));
    const over = (fatal) => new Promise((resolve) => {
      video.addEventListener("ended", () => { seen.ended = true; resolve(); });
      fatal(resolve);
      setTimeout(resolve, seconds * 1000);
    });
    const shown = () => ({ ...seen, time: video.currentTime, duration: video.duration, width: video.videoWidth, height: video.videoHeight,
      frames: video.getVideoPlaybackQuality().totalVideoFrames, audioBytes: video.webkitAudioDecodedByteCount });
    if (native) {
      const ended = over((resolve) => video.addEventListener("error", () => { seen.fatal.push(video.error.message); resolve(); }));
      video.src = url;
      await video.play().catch((error) => seen.errors.push(error.message));
      await ended;
      return shown();
    }
    const hls = new Hls({ liveSyncDurationCount: 2 });
    hls.on(Hls.Events.ERROR, (_, data) => {
      (data.fatal ? seen.fatal : seen.errors).push(`${data.details} ${data.error?.message ?? data.reason ?? ""}`);
    });
    hls.on(Hls.Events.FRAG_LOADED, () => (seen.loaded += 1));
    hls.loadSource(url);
    hls.attachMedia(video);
    await new Promise((resolve) => hls.on(Hls.Events.MANIFEST_PARSED, resolve));
    await video.play();
    await over((resolve) => hls.on(Hls.Events.ERROR, (_, data) => data.fatal && resolve()));
    return { ...shown(), audio: hls.audioTracks.length };
  }, { url: process.env.RIACHO_URL, seconds, native: Boolean(process.env.RIACHO_NATIVE) });
  console.log(JSON.stringify(outcome));
} finally {
  await browser.close();
  site.close();
}
