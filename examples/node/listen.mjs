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
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 2,
  tcpKeepaliveInterval: 2,
  tcpKeepaliveCount: 2,
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

class OtherVersion extends Error {}

const isVector = (value, length) => Array.isArray(value) && value.length === length && value.every(Number.isFinite);

// What this client uses of a message, checked: a message that breaks the protocol is an Error.
function read(message) {
  const pose = body(message);
  if (!Number.isInteger(Number(pose.v ?? NaN))) throw new Error("no version");
  if (Number(pose.v) !== VERSION) throw new OtherVersion(`this client speaks version ${VERSION}, not ${pose.v}`);
  const [seq, captureMs] = [Number(pose.seq), Number(pose.t_capture_ns) / 1e6];
  if (!Number.isSafeInteger(seq) || !Number.isFinite(captureMs)) throw new Error("seq or t_capture_ns is no integer");
  const persons = pose.persons.map(({ id, root, joints }) => {
    if (joints.length !== 17 || !joints.every((joint) => isVector(joint, 3))) throw new Error("joints are not 17 x 3");
    if (root !== null && !isVector(root, 3)) throw new Error("root is neither null nor [x, y, z]");
    return { id: Number(id), root, joints };
  });
  return { session: pose.session, seq, captureMs, persons };
}

let received = 0;
let [session, last] = ["", -1];
for await (const [message] of socket) {
  let pose;
  try {
    pose = read(message);
  } catch (error) {
    if (error instanceof OtherVersion) throw error;
    console.error(`skipped a message: ${error.message}`);
    continue;
  }
  const { seq, persons } = pose;
  const gap = pose.session === session ? seq - last - 1 : 0;
  if (gap > 0) console.error(`missed ${gap}`);
  [session, last] = [pose.session, seq];

  const ageMs = Date.now() - pose.captureMs; // on one machine; elsewhere see PROTOCOL.md, "Clock"
  console.log(JSON.stringify({ seq, age_ms: Math.round(ageMs * 10) / 10, persons }));
  if (++received === Number(count)) break;
}
socket.close();
