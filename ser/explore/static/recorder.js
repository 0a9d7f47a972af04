// The microphone, and WAV files made in the browser.

const LONGEST_S = 60;

export async function record(onBlock) {
  const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
  const context = new AudioContext();
  await context.audioWorklet.addModule("/static/recorder.worklet.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const blocks = [];
  let length = 0;
  const recording = {
    async stop() {
      node.port.onmessage = null;
      for (const track of stream.getTracks()) track.stop();
      await context.close();
      return wav(joined(blocks, length), context.sampleRate);
    },
  };
  node.port.onmessage = ({ data }) => {
    blocks.push(data);
    length += data.length;
    const seconds = length / context.sampleRate;
    onBlock(seconds, data.reduce((most, value) => Math.max(most, Math.abs(value)), 0), seconds >= LONGEST_S);
  };
  context.createMediaStreamSource(stream).connect(node);
  return recording;
}

// what this browser can play and the server cannot read, such as m4a from a telephone
export async function decoded(file) {
  const context = new OfflineAudioContext(1, 1, 48000);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const mixed = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let n = 0; n < mixed.length; n += 1) mixed[n] += samples[n] / buffer.numberOfChannels;
  }
  return wav(mixed, buffer.sampleRate);
}

function joined(blocks, length) {
  const whole = new Float32Array(length);
  let begin = 0;
  for (const block of blocks) {
    whole.set(block, begin);
    begin += block.length;
  }
  return whole;
}

function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (place, text) => [...text].forEach((letter, n) => view.setUint8(place + n, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, n) => view.setInt16(44 + 2 * n, Math.round(32767 * Math.max(-1, Math.min(1, value))), true));
  return new Blob([view.buffer], { type: "audio/wav" });
}
