// Reads an MP4 from standard input with mp4box.js and prints what it finds in it.
import fs from "node:fs";
import { createFile } from "mp4box";

const data = fs.readFileSync(0);
const file = createFile();
const out = { errors: [], samples: [] };
file.onError = (...error) => out.errors.push(error.join(" "));
file.onReady = (info) => {
  out.brands = info.brands;
  out.tracks = info.tracks.map((track) => ({ id: track.id, codec: track.codec, timescale: track.timescale,
    width: track.video?.width, height: track.video?.height, rate: track.audio?.sample_rate, channels: track.audio?.channel_count }));
  for (const track of info.tracks) file.setExtractionOptions(track.id, null, { nbSamples: 100000 });
  file.start();
};
file.onSamples = (id, _, samples) => {
  for (const s of samples) out.samples.push({ id, dts: s.dts, cts: s.cts, duration: s.duration, size: s.size, sync: s.is_sync });
};
const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
buffer.fileStart = 0;
file.appendBuffer(buffer);
file.flush();
console.log(JSON.stringify(out));
