// Prints every pose of a stream as one JSON line. Usage: node listen.mjs [ADDRESS] [STREAM] [COUNT]
// With a publisher that has keys, set CURVE_SERVER, CURVE_PUBLIC and CURVE_SECRET (Z85 texts).
import { decode } from "@msgpack/msgpack";
import { Subscriber } from "zeromq";

const [address = "tcp://127.0.0.1:5556", stream = "main", count = "0"] = process.argv.slice(2);
const VERSION = 1;

const { CURVE_SERVER, CURVE_PUBLIC, CURVE_SECRET } = process.env;
const curve = CURVE_SERVER
  ? { curveServerKey: CURVE_SERVER, curvePublicKey: CURVE_PUBLIC, curveSecretKey: CURVE_SECRET }
  : {};
const socket = new Subscriber({
  linger: 0,
  receiveHighWaterMark: 1000,
  maxMessageSize: 1 << 20,
  heartbeatInterval: 2000,
  heartbeatTimeout: 6000,
  reconnectInterval: 100,
  reconnectMaxInterval: 5000,
  ...curve,
});
socket.connect(address);
socket.subscribe(`pose3d/${stream}\0`);

function body(message) {
  const start = message.indexOf(0) + 1;
  if (start === 0) throw new Error("no NUL after the topic");
  const bytes = message.subarray(start);
  // 64-bit times come as BigInt: a double cannot hold them to the nanosecond.
  return bytes[0] === 0x7b ? JSON.parse(bytes.toString("utf8")) : decode(bytes, { useBigInt64: true });
}

let received = 0;
let session = "";
let seq = -1;
for await (const [message] of socket) {
  let pose;
  try {
    pose = body(message);
  } catch (error) {
    console.error(`skipped a message: ${error.message}`);
    continue;
  }
  if (Number(pose.v) !== VERSION) throw new Error(`this client speaks version ${VERSION}, the publisher ${pose.v}`);
  const gap = pose.session === session ? Number(pose.seq) - seq - 1 : 0;
  if (gap > 0) console.error(`missed ${gap}`);
  [session, seq] = [pose.session, Number(pose.seq)];

  const ageMs = Date.now() - Number(pose.t_capture_ns) / 1e6; // on one machine; elsewhere see PROTOCOL.md, "Clock"
  const persons = pose.persons.map(({ id, root, joints }) => ({ id: Number(id), root, joints }));
  console.log(JSON.stringify({ seq, age_ms: Math.round(ageMs * 10) / 10, persons }));
  if (++received === Number(count)) break;
}
socket.close();
