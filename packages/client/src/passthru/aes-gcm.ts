/**
 * A codec for payload passthru mode that encrypts with AES-256-GCM, by WebCrypto: who does not have a key, the router
 * included, sees who calls what and how much, and nothing of the arguments.
 *
 * Peers share their keys in a way of their own. A sealed payload is bound to what it belongs to — the call of one procedure,
 * its result, an error, an event of one topic — and changing it or passing it off as another's is found. Sending the same
 * one twice is not: where that matters, put a number or a time into the arguments.
 *
 * Form: 12 random octets, then what AES-GCM gives for the content, with `KIND URI` as additional data.
 */
import { JsonSerializer, type Serializer } from "@junctor/protocol";
import type { PayloadCodec, Subject } from "../passthru.ts";
import { decodeContent, encodeContent } from "./content.ts";

export interface AesGcmOptions {
  /** By the names that `ppt_keyid` tells: 32 octets each. Whatever was sealed with one of them is opened. */
  readonly keys: Readonly<Record<string, Uint8Array>>;
  /** The name of the key that seals. */
  readonly keyid: string;
  /** Of the content (`ppt_serializer`); all peers need the same. Default JSON. */
  readonly serializer?: Serializer;
  /** `ppt_scheme`. Default `x_junctor_aes_gcm`. */
  readonly scheme?: string;
}

export function aesGcm({ keys, keyid, serializer = new JsonSerializer(), scheme = "x_junctor_aes_gcm" }: AesGcmOptions): PayloadCodec {
  for (const [name, key] of Object.entries(keys))
    if (key.length !== 32) throw new TypeError(`the key ${name} has ${key.length} octets in place of 32`);
  if (!Object.hasOwn(keys, keyid)) throw new TypeError(`there is no key ${keyid} to seal with; there are ${Object.keys(keys).join(", ")}`);
  const imported = new Map(
    Object.entries(keys).map(([name, key]) => [name, crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"])]),
  );
  const keyOf = async (name: string) => {
    const key = await imported.get(name);
    if (key === undefined) throw new TypeError(`there is no key ${name}`);
    return key;
  };
  return {
    scheme,
    seal: async (content, about) => {
      const iv = crypto.getRandomValues(new Uint8Array(IV_LENGTH));
      const encrypted = await crypto.subtle.encrypt(algorithm(iv, about), await keyOf(keyid), encodeContent(serializer, content));
      const bytes = new Uint8Array(IV_LENGTH + encrypted.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(encrypted), IV_LENGTH);
      return { bytes, serializer: serializer.name, cipher: CIPHER, keyid };
    },
    open: async ({ bytes, serializer: name, cipher, keyid: usedKey = keyid }, about) => {
      if (cipher !== CIPHER || name !== serializer.name)
        throw new TypeError(`it is ${name} with ${cipher}; this codec opens ${serializer.name} with ${CIPHER}`);
      const iv = bytes.subarray(0, IV_LENGTH);
      const content = await crypto.subtle.decrypt(algorithm(iv, about), await keyOf(usedKey), bytes.subarray(IV_LENGTH));
      return decodeContent(serializer, new Uint8Array(content));
    },
  };
}

function algorithm(iv: Uint8Array, { kind, uri }: Subject): object {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${kind} ${uri}`) };
}

/** As the specification calls it (PPT-02). */
const CIPHER = "aes256gcm";
const IV_LENGTH = 12;
