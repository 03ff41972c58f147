// The specification's vectors of chapter 7, and both halves of each method against each other.
import { createHash, createHmac, createPrivateKey, createPublicKey, pbkdf2Sync, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { toBase64 } from "../serializer/base64.ts";
import {
  type AuthCrypto,
  authMessage,
  craKey,
  craSalting,
  craSignature,
  fromHex,
  isSignatureOf,
  type SignatureCrypto,
  saltedPassword,
  saslprep,
  scramKeys,
  scramProof,
  scramVerifier,
  signChallenge,
  signedMessage,
  storedKeyOf,
  toHex,
} from "./index.ts";

const hex = (text: string) => fromHex(text, text.length / 2) as Uint8Array;
const pkcs8 = (key: Uint8Array) =>
  createPrivateKey({ key: Buffer.concat([hex("302e020100300506032b657004220420"), key]), format: "der", type: "pkcs8" });
const spki = (key: Uint8Array) =>
  createPublicKey({ key: Buffer.concat([hex("302a300506032b6570032100"), key]), format: "der", type: "spki" });
// Node.js's own primitives, which are not ours to test.
const crypto: Omit<AuthCrypto, "random" | "argon2id"> & Omit<SignatureCrypto, "random"> = {
  sha256: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
  hmacSha256: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
  pbkdf2Sha256: (password, salt, iterations, length) => new Uint8Array(pbkdf2Sync(password, salt, iterations, length, "sha256")),
  ed25519PublicKey: (key) => new Uint8Array(createPublicKey(pkcs8(key)).export({ format: "der", type: "spki" }).subarray(-32)),
  ed25519Sign: (key, message) => new Uint8Array(sign(null, message, pkcs8(key))),
  ed25519Verify: (key, message, signature) => verify(null, message, spki(key), signature),
};
const kdf = { ...crypto, argon2id: () => new Uint8Array(32) };

describe("WAMP-CRA", () => {
  const challenge =
    '{"nonce": "LHRTC9zeOIrt_9U3", "authprovider": "userdb", "authid": "peter", "timestamp": "2014-06-22T16:36:25.448Z", "authrole": "user", "authmethod": "wampcra", "session": 3251278072152162}';

  test("the key of a salted user is Base64 text, and signs the challenge as it was sent (AUTH-CRA-03, AUTH-CRA-04, AMB-100)", async () => {
    const key = await craKey(crypto, "secret1", { salt: "salt123", keylen: 32, iterations: 1000 });
    expect(key).toBe("64xfzBvZhGDT7PB0bQwDeI8/WR1M9x6Cw5dt0yP9koc=");
    expect(await craSignature(crypto, key, challenge)).toBe("gir1mSx+deCDUV7wRM5SGIn/+R/ClqLZuH4m7FJeBVI=");
    expect(await craSignature(crypto, "secret1", challenge)).toBe("vb/MUq65p6Xs4P09HfsDI4VmI8HWO3whf0vNe4IdogQ=");
  });

  test("salting is read from CHALLENGE.Extra, and refused where it cannot be meant", () => {
    expect(craSalting({ challenge })).toBeUndefined();
    expect(craSalting({ salt: null })).toBeUndefined();
    expect(craSalting({ salt: "s" })).toEqual({ salt: "s", keylen: 32, iterations: 1000 });
    for (const extra of [{ salt: 5 }, { salt: "s", iterations: 1e12 }, { salt: "s", keylen: 0 }, { salt: "s", keylen: 1.5 }])
      expect(craSalting(extra)).toBe("invalid");
  });
});

describe("WAMP-SCRAM", () => {
  const parameters = { kdf: "pbkdf2", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const;
  const rfc7677 = {
    authid: "user",
    clientNonce: "rOprNGfwEbeRWgbNEkqO",
    nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    salt: parameters.salt,
    iterations: 4096,
    channelBinding: undefined,
    bindingData: undefined,
  };

  test("reproduces RFC 7677, as the specification says it must (AUTH-SCRAM-14)", async () => {
    const salted = await saltedPassword(kdf, "pencil", parameters);
    expect(toHex(salted)).toBe("c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
    const keys = await scramKeys(crypto, salted);
    expect(toHex(keys.storedKey)).toBe("586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
    expect(toHex(keys.serverKey)).toBe("c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5");
    expect(authMessage(rfc7677)).toBe(
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    );
    expect(await scramProof(crypto, salted, rfc7677)).toEqual({
      proof: "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
      verifier: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    });
  });

  test("the inner padding of nonces stays, as text (AMB-105, AMB-106)", async () => {
    const exchange = { ...rfc7677, clientNonce: "egVDf3DMJh0=", nonce: "egVDf3DMJh0=SBmkFIh7sSo=", salt: "aBc+fx0NAVA=" };
    const salted = await saltedPassword(kdf, "pencil", { ...parameters, salt: exchange.salt });
    expect(await scramProof(crypto, salted, exchange)).toEqual({
      proof: "L1uwjEEL7BdbtlWMKxNcQ1A/CmNjct+7xdAguB/rpnA=",
      verifier: "AyTAljdPHv74Zx+gn+6DqiFnl4XOZUXpC7k/pSkjBOg=",
    });
  });

  test("what one half makes the other accepts, and nothing else (AUTH-SCRAM-09, AUTH-SCRAM-10)", async () => {
    const exchange = { ...rfc7677, authid: "a=b,c", channelBinding: "tls-unique", bindingData: new Uint8Array([1, 2, 3]) };
    const salted = await saltedPassword(kdf, "pencil", parameters);
    const keys = await scramKeys(crypto, salted);
    const { proof, verifier } = await scramProof(crypto, salted, exchange);
    expect(await storedKeyOf(crypto, keys, exchange, proof)).toEqual(keys.storedKey);
    expect(await scramVerifier(crypto, keys, exchange)).toBe(verifier);
    expect(await storedKeyOf(crypto, keys, { ...exchange, bindingData: new Uint8Array([1, 2, 4]) }, proof)).not.toEqual(keys.storedKey);
    expect(await storedKeyOf(crypto, keys, { ...exchange, authid: "a=2Cb" }, proof)).not.toEqual(keys.storedKey);
    expect(await storedKeyOf(crypto, keys, exchange, toBase64(new Uint8Array(31)))).toBeUndefined();
    expect(await storedKeyOf(crypto, keys, exchange, "no base64!")).toBeUndefined();
  });

  test("names and passwords have one form (AUTH-SCRAM-12)", () => {
    // RFC 4013, 3
    expect(["I\u00adX", "user", "USER", "\u00aa", "\u2168"].map(saslprep)).toEqual(["IX", "user", "USER", "a", "IX"]);
    expect(["\u0007", "\u0627\u0031", "\ud800", "\ue000", "a\u05d0"].map(saslprep)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(["\u0627\u0031\u0628", "a\u00a0b", ""].map(saslprep)).toEqual(["\u0627\u0031\u0628", "a b", ""]);
  });
});

describe("cryptosign", () => {
  const keys = [
    [
      "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510",
      "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d",
    ],
    [
      "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd",
      "6ed32739ff04a6074044ff0b0e3bfc7c856bc9d5f1d25efc57363bda0af3a8b0",
    ],
    [
      "6e1fde9cf9e2359a87420b65a87dc0c66136e66945196ba2475990d8a0c3a25b",
      "28e11f427b82b9a625ee7ac89a7d29326b505f2dc11dd88c1245f83b6da79a85",
    ],
  ] as const;
  const challenges = [
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "b26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
    "b05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
  ];
  const channel = "62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff";
  const signatures = [
    "b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0cae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "d4209ad10d5aff6bfbc009d7e924795de138a63515efc7afc6b01b7fe5201372190374886a70207b042294af5bd64ce725cd8dceb344e6d11c09d1aaaf4d660fb26c1f87c13fc1da14997f1b5a71995dff8fbe0a62fae8473c7bdbd05bfb607d",
    "7beb282184baadd08f166f16dd683b39cab53816ed81e6955def951cb2ddad1ec184e206746fd82bda075af03711d3d5658fc84a76196b0fa8d1ebc92ef9f30bb05e6b8ad4d69abf74aa3be3c0ee40ae07d66e1895b9ab09285a2f1192d562d2",
    "9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00",
    "305aaa3ac25e98f651427688b3fc43fe7d8a68a7ec1d7d61c61517c519bd4a427c3015599d83ca28b4c652333920223844ef0725eb5dc2febfd6af7677b73f01d0852a29b460fc92ec943242ac638a053bbacc200512b18b30d15083cbdc9282",
    "ee3c7644fd8070532bc1fde3d70d742267da545d8c8f03e63bda63f1ad4214f4d2c4bfdb4eb9526def42deeb7e31602a6ff99eba893e0a4ad4d45892ca75e608d2b75e24a189a7f78ca776ba36fc53f6c3e31c32f251f2c524f0a44202f2902d",
  ];

  test.each(signatures.map((signature, i) => [i + 1, signature] as const))(
    "signature vector %i (AUTH-CS-05, AUTH-CS-06)",
    async (number, signature) => {
      const i = (number - 1) % 3;
      const [privateKey, publicKey] = keys[i] as (typeof keys)[number];
      const challenge = hex(challenges[i] as string);
      const channelId = number > 3 ? hex(channel) : undefined;
      expect(toHex(await crypto.ed25519PublicKey(hex(privateKey)))).toBe(publicKey);
      expect(await signChallenge(crypto, hex(privateKey), challenge, channelId)).toBe(signature);
      expect(await isSignatureOf(crypto, hex(publicKey), challenge, channelId, signature)).toBe(true);
      expect(await isSignatureOf(crypto, hex(publicKey), challenge, channelId, signature.toUpperCase())).toBe(true); // [AMB-115]
      expect(await isSignatureOf(crypto, hex(publicKey), challenge, channelId === undefined ? hex(channel) : undefined, signature)).toBe(
        false,
      );
      expect(await isSignatureOf(crypto, hex(keys[(i + 1) % 3]?.[1] as string), challenge, channelId, signature)).toBe(false);
    },
  );

  // The exchanges of requirements 7.5: public key, challenge, channel id, signature.
  const client = "545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122";
  const router = "4a3838f6fe75251e613329d53fc69b262d5eac97fb1d73bebbaed4015b53c862";
  const unique = "e973bee24dcea9e20625f949c0e3cd28d632ccbefe4907c2fac2728710f7b160";
  test.each([
    [
      "basic flow",
      client,
      "fa034062ad76352b53a25358854577730db82f367aa439709c91296d04a5716c",
      undefined,
      "e2f0297a193b63b7a4a92028e9e2e6107f82730560d54a657bd982cb4b3151490399debbbde998e494d3c3b2a5e2e91271291e10dee85a6cfaa127885ddd8b0afa034062ad76352b53a25358854577730db82f367aa439709c91296d04a5716c",
    ],
    [
      "example 1, router",
      router,
      "bbae60ea44cdd7b20dc7010a618b0f0803fab25a817520b4b7f057299b524deb",
      undefined,
      "fd5128d2d207ba58a9d1d6f41b72c747964ad9d1294077b3b1eee6130b05843ab12c53c7f2519f73d4feb82db19d8ca0fc26b62bde6518e79a882f5795bc9f00bbae60ea44cdd7b20dc7010a618b0f0803fab25a817520b4b7f057299b524deb",
    ],
    [
      "example 1, client",
      client,
      "0e9192bc08512c8198da159c1ae600ba91729215f35d56102ee318558e773537",
      undefined,
      "a3a178fe792ed772a8fc092f8341e455de96670c8901264a7c312dbf940d5743626fe9fbc29b23dcd2169b308eca309de85a89ccd296b24835de3d95b16b77030e9192bc08512c8198da159c1ae600ba91729215f35d56102ee318558e773537",
    ],
    [
      "example 2, router",
      router,
      "4f861f12796c2972b7b0026522a687aa851d90355122a61d4f1fdce4d06b564f",
      unique,
      "aa05f4cd7747d36b79443f1d4703a681e107edc085d876b508714e2a3a8135bacaae1c018452c4acb3ad2818aa97a6d23e5ac7e3734c7b1f40e6232a70938205a6f5a1f034a28090b195fb2ce2454a82532f5c8baf6ba1dfb5ddae63c09ce72f",
    ],
    [
      "example 2, client",
      client,
      "358625312c6c3bf64ed51d17d210ce21af1639c774cabf5735a9651d7d91fc6a",
      unique,
      "25114474580d6e99a6126b091b4565c23db567d686c5b8c3a94e3f2f09dc80300c5b40a124236733fa56396df721eb12ac092362379bd5b27b4db9e2beaa1408dcf59bd361a2921448f0e45e12f303097924f5798a83b895cf6b179a6d664d0a",
    ],
    [
      "example 3, client",
      "12ae0184b180e9a9c5e45be4a1afbce3c6491320063701cd9c4011a777d04089",
      "e4b40f72f9604754789d472225483bace926b9668d72c9122545e540d8d98f23",
      "bd5b9ef32d574c39617a2e3cbf0844859165acb9443b1d7b49a004b68b82281e",
      "16c89629e72aff3f44661e701341b2221a2fa9d93205826fad85e70d3a8dab70a8f54314c14d470ebeb77a0dd16c833928c01134a52b2e73862b7d3f258b600059ef9181d4370b6d19e7691e9a407f29784315dfc949d4696ce5e1f6535ba73d",
    ],
  ])("exchange of the specification: %s (AUTH-CS-09)", async (_name, publicKey, challenge, channelId, signature) => {
    const id = channelId === undefined ? undefined : hex(channelId);
    expect(toHex(signedMessage(hex(challenge), id))).toBe(signature.slice(128));
    expect(await isSignatureOf(crypto, hex(publicKey), hex(challenge), id, signature)).toBe(true);
  });

  test("what is no signature is none, and never an error (AMB-114)", async () => {
    const [privateKey, publicKey] = keys[0];
    const challenge = hex(challenges[0] as string);
    const signature = await signChallenge(crypto, hex(privateKey), challenge, undefined);
    for (const wrong of [
      "",
      "0x",
      `0x${signature.slice(2)}`,
      signature.slice(0, 128),
      `${signature}00`,
      `z${signature.slice(1)}`,
      5,
      undefined,
      null,
      {},
    ]) {
      expect(await isSignatureOf(crypto, hex(publicKey), challenge, undefined, wrong)).toBe(false);
    }
  });
});
