// Keys for cryptosign as tweetnacl has them, which Autobahn|JS and wampy build on, from a private key in hex.
import { createPrivateKey, createPublicKey } from "node:crypto";

export function keyPairOf(privateKey) {
  const seed = Buffer.from(privateKey, "hex");
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey: Uint8Array.from(publicKey), secretKey: Uint8Array.from([...seed, ...publicKey]) };
}

const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
