// Plays an HLS address with hls.js in headless Chromium, until it ends or for RIACHO_SECONDS, and prints what happened.
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
  const outcome = await tab.evaluate(async ({ url, seconds }) => {
    const video = document.getElementById("video");
    const seen = { ended: false, fatal: [], errors: [], loaded: 0, frames: 0, stalls: 0 };
    const hls = new Hls({ liveSyncDurationCount: 2 });
    hls.on(Hls.Events.ERROR, (_, data) => {
      (data.fatal ? seen.fatal : seen.errors).push(`${data.details} ${data.error?.message ?? data.reason ?? ""}`);
    });
    hls.on(Hls.Events.FRAG_LOADED, () => (seen.loaded += 1));
    video.addEventListener("waiting", () => (seen.stalls += 1));
    hls.loadSource(url);
    hls.attachMedia(video);
    await new Promise((resolve) => hls.on(Hls.Events.MANIFEST_PARSED, resolve));
    await video.play();
    await new Promise((resolve) => {
      video.addEventListener("ended", () => { seen.ended = true; resolve(); });
      hls.on(Hls.Events.ERROR, (_, data) => data.fatal && resolve());
      setTimeout(resolve, seconds * 1000);
    });
    const quality = video.getVideoPlaybackQuality();
    return { ...seen, time: video.currentTime, duration: video.duration, width: video.videoWidth, height: video.videoHeight,
      frames: quality.totalVideoFrames, audio: hls.audioTracks.length, audioBytes: video.webkitAudioDecodedByteCount };
  }, { url: process.env.RIACHO_URL, seconds });
  console.log(JSON.stringify(outcome));
} finally {
  await browser.close();
  site.close();
}
