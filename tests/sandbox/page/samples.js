// Things to send for who has none at hand: a photo, a voice note, a document. Made here, so that
// nothing has to be asked of camera or microphone.

const pages = (text) => new TextEncoder().encode(text);

export const samplePhoto = () =>
  new Promise((done) => {
    const canvas = document.createElement("canvas");
    canvas.width = 640;
    canvas.height = 480;
    const pen = canvas.getContext("2d");
    const sky = pen.createLinearGradient(0, 0, 0, 480);
    sky.addColorStop(0, "#cfe3ee");
    sky.addColorStop(1, "#8c7a63");
    pen.fillStyle = sky;
    pen.fillRect(0, 0, 640, 480);
    pen.fillStyle = "#b98a55";
    pen.fillRect(150, 170, 340, 230);
    pen.fillStyle = "#a27443";
    pen.beginPath();
    pen.moveTo(150, 170);
    pen.lineTo(210, 110);
    pen.lineTo(540, 110);
    pen.lineTo(490, 170);
    pen.fill();
    pen.fillStyle = "#8d6337";
    pen.beginPath();
    pen.moveTo(490, 170);
    pen.lineTo(540, 110);
    pen.lineTo(540, 340);
    pen.lineTo(490, 400);
    pen.fill();
    pen.fillStyle = "#e9dcc3";
    pen.fillRect(300, 170, 40, 230);
    pen.strokeStyle = "#3c2a15";
    pen.lineWidth = 6;
    pen.beginPath();
    for (const [x, y] of [[180, 200], [220, 240], [200, 280], [250, 320], [235, 370]]) pen.lineTo(x, y);
    pen.stroke();
    canvas.toBlob(done, "image/jpeg", 0.85);
  });

// --- Ogg Opus: three seconds of silence, as a voice note is packed -----------------------------------

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let r = n << 24;
  for (let i = 0; i < 8; i++) r = r & 0x80000000 ? (r << 1) ^ 0x04c11db7 : r << 1;
  return r >>> 0;
});

const oggPage = (packets, { flags, granule, sequence }) => {
  const length = packets.reduce((sum, packet) => sum + packet.length, 0);
  const page = new Uint8Array(27 + packets.length + length);
  const view = new DataView(page.buffer);
  page.set(pages("OggS"));
  page[5] = flags;
  view.setUint32(6, granule, true);
  view.setUint32(14, 0x5041524c, true);
  view.setUint32(18, sequence, true);
  page[26] = packets.length;
  packets.forEach((packet, i) => (page[27 + i] = packet.length));
  let at = 27 + packets.length;
  for (const packet of packets) {
    page.set(packet, at);
    at += packet.length;
  }
  let crc = 0;
  for (const byte of page) crc = ((crc << 8) ^ crcTable[((crc >>> 24) ^ byte) & 255]) >>> 0;
  view.setUint32(22, crc, true);
  return page;
};

export const sampleVoice = () => {
  const head = new Uint8Array(19);
  head.set(pages("OpusHead"));
  head.set([1, 1], 8);
  new DataView(head.buffer).setUint32(12, 48000, true);
  const tags = new Uint8Array(22);
  tags.set(pages("OpusTags"));
  tags.set([6], 8);
  tags.set(pages("parley"), 12);
  const silence = Array.from({ length: 150 }, () => new Uint8Array([0xf8, 0xff, 0xfe]));
  return new Blob(
    [
      oggPage([head], { flags: 2, granule: 0, sequence: 0 }),
      oggPage([tags], { flags: 0, granule: 0, sequence: 1 }),
      oggPage(silence, { flags: 4, granule: 150 * 960, sequence: 2 }),
    ],
    { type: "audio/ogg; codecs=opus" },
  );
};

export const samplePlace = { latitude: 52.2297, longitude: 21.0122, name: "Plac Defilad", address: "Plac Defilad 1, 00-901 Warszawa" };

export const sampleContact = {
  name: { first_name: "Robin", last_name: "Example", formatted_name: "Robin Example" },
  phones: [{ phone: "+15550100088", wa_id: "15550100088", type: "MOBILE" }],
};
