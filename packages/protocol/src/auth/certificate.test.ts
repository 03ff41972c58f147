// Cryptosign's certificates: the chain of the specification's third example, and chains that break each of its rules.
import { TEST_CHAIN, TestAccount, type TestCertificate, testCertificateCrypto } from "@junctor/testkit/test-chain";
import { describe, expect, test } from "vitest";
import { addressOf, certificateDigest, certificatesOf, checkChain, checksummed, continued, signerOf, toHex } from "./index.ts";

// Example 3 of requirements 7.5.
const ROOT = "0xf766Dc789CF04CD18aE75af2c5fAf2DA6650Ff57";
const DELEGATE = "0xf5173a6111B2A6B3C20fceD53B2A8405EC142bF6";
const REALM = "0xA6e693CC4A2b4F1400391a728D26369D9b82ef96";
const KEY = "12ae0184b180e9a9c5e45be4a1afbce3c6491320063701cd9c4011a777d04089";
const common = { chainId: 1, meta: "", validFrom: 15212703, verifyingContract: ROOT };
const authority = (capabilities: number, subject: string) => ({
  domain: { name: "WMP", version: "1" },
  primaryType: "EIP712AuthorityCertificate",
  message: { ...common, capabilities, issuer: ROOT, realm: REALM, subject },
});
const EXAMPLE = [
  [
    {
      domain: { name: "WMP", version: "1" },
      primaryType: "EIP712DelegateCertificate",
      message: { ...common, bootedAt: 1658765756680628959n, csPubKey: KEY, delegate: DELEGATE },
    },
    "8fe06bb269110c6bc0e011ea2b7da07091c674f7fe67458c1805157157da702b70b56cdf662666dc386820ded0116b6b84151df1ed65210eeecd7e477cdb765b1b",
  ],
  [
    authority(12, DELEGATE),
    "0c0eb60a108dbd72a204b41c1d18505358e4e7886b0c9787192a33ac9e0f94c92ce158f8de576fa9cccf28a8c9404ed66c2d355ea4ae7ee65cff0b73215b91bb1c",
  ],
  [
    authority(63, ROOT),
    "be35c8d6ae735d3bd8b5e27b1e1a067eba53e6a1cb4ef0f607c4717435e8ffa676246e7d08dfb4e83c78ad26f423b727b5d2c90627bdf6c94c1dbdf01979c34b1c",
  ],
] as const;
const lower = (text: string) => text.toLowerCase();
const EXPECTED = { trustRoot: lower(ROOT), chainId: 1n, verifyingContract: lower(ROOT), realm: lower(REALM), currentBlock: 15212703n };

describe("the specification's example", () => {
  const chain = certificatesOf(EXAMPLE) ?? [];

  test("has the digests and signers that it should have (AUTH-CS-14)", () => {
    expect(chain.map(({ certificate }) => toHex(certificateDigest(testCertificateCrypto, certificate)))).toEqual([
      "bbd6908c2efd768860099718a4c16d8dc805069a9fd44c65075a8140b132a3c9",
      "50869794e879a297cb83de2418779f0614b1fc5dd9f35c9c618f0b4ff1fb8f0c",
      "715a0cfc92b17b713863913655ba2cad0855cdae299b208dd755cf7fb7b511cd",
    ]);
    expect(chain.map((signed) => signerOf(testCertificateCrypto, signed))).toEqual([DELEGATE, ROOT, ROOT].map(lower));
  });

  test("is a chain to its root, also where blocks and dates are the same, or the rest is known before (AUTH-CS-11, AUTH-CS-12, AMB-111)", () => {
    const holder = { delegate: lower(DELEGATE), csPubKey: KEY, capabilities: 12n };
    expect(checkChain(testCertificateCrypto, chain, EXPECTED)).toEqual(holder);
    const { currentBlock: _, ...without } = EXPECTED;
    expect(checkChain(testCertificateCrypto, continued(chain.slice(0, 1), chain.slice(1)), without)).toEqual(holder);
  });

  test("is somebody's address as EIP-55 writes it", () => {
    for (const address of [ROOT, DELEGATE, REALM]) expect(checksummed(testCertificateCrypto, lower(address))).toBe(address);
    expect(addressOf(Buffer.from(ROOT.slice(2), "hex"))).toBe(lower(ROOT));
  });
});

describe("a chain", () => {
  const [root, ca, device, stranger] = ["root", "ca", "device", "stranger"].map((name) => new TestAccount(name)) as [
    TestAccount,
    TestAccount,
    TestAccount,
    TestAccount,
  ];
  const other = stranger.address;
  const expected = {
    trustRoot: root.address,
    chainId: 1n,
    verifyingContract: TEST_CHAIN.verifyingContract,
    realm: TEST_CHAIN.realm,
    currentBlock: 100n,
  };
  const ALL = 0xff;
  const top = (more: object = {}) => root.authority(root.address, ALL, more);
  const middle = (more: object = {}) => root.authority(ca.address, 0x42, more);
  const low = (more: object = {}) => ca.authority(device.address, 0x40, more);
  const own = (more: object = {}) => device.delegate(KEY, more);
  const check = (chain: readonly TestCertificate[], more: object = {}) =>
    checkChain(testCertificateCrypto, certificatesOf(chain) ?? expect.fail("no certificates"), { ...expected, ...more });

  test("with several intermediates holds", () => {
    expect(check([own(), low(), middle(), top()])).toEqual({ delegate: device.address, csPubKey: KEY, capabilities: 0x40n });
  });

  test.each<[string, readonly TestCertificate[], string]>([
    ["of another blockchain", [own({ chainId: 5 }), low(), middle(), top()], "CCR-1"],
    ["of another contract", [own(), low(), middle({ verifyingContract: other }), top()], "CCR-1"],
    ["from a later block", [own({ validFrom: 101 }), low(), middle(), top()], "CCR-1"],
    ["for another realm", [own(), low({ realm: other }), middle(), top()], "CCR-2"],
    ["that begins above the client", [low(), middle(), top()], "CCR-3"],
    ["of the client's certificate alone", [own()], "CCR-3"],
    ["with two clients' certificates", [own(), own(), low(), middle(), top()], "CCR-3"],
    ["that does not reach the root", [own(), low(), middle()], "CCR-4"],
    ["to another root", [own(), stranger.authority(device.address, ALL), stranger.authority(other, ALL)], "CCR-4"],
    ["with a gap", [own(), low(), top()], "CCR-5"],
    ["whose intermediate is older than what is above it", [own(), low({ validFrom: 99 }), middle(), top()], "CCR-6"],
    ["whose root is younger", [own(), low(), middle({ validFrom: 99 }), top()], "CCR-6"],
    ["that entitles to more than what is above it", [own(), ca.authority(device.address, 0xc0), middle(), top()], "CCR-7"],
    ["with unknown capabilities", [own(), low(), middle(), root.authority(root.address, 0x1ff)], "CCR-7"],
    ["for somebody else", [stranger.delegate(KEY), low(), middle(), top()], "CCR-8"],
    ["whose client is older than its certificate", [own({ validFrom: 99 }), low(), middle(), top()], "CCR-9"],
    [
      "whose root somebody else signed",
      [own(), low(), middle(), stranger.authority(root.address, ALL, { issuer: root.address })],
      "CCR-10",
    ],
    ["with a forged intermediate", [own(), stranger.authority(device.address, 0x40, { issuer: ca.address }), middle(), top()], "CCR-11"],
    ["with a forged delegate", [stranger.delegate(KEY, { delegate: device.address }), low(), middle(), top()], "CCR-12"],
    ["in which a mere client vouches for another", [own(), low(), root.authority(ca.address, 0x40), top()], "vouches for another"],
    ["from a root that is none", [own(), low(), middle(), root.authority(root.address, 0xfe)], "not entitled to be a root"],
  ])("%s is refused (AUTH-CS-12, AMB-111)", (_what, chain, rule) => {
    expect(check(chain)).toContain(rule);
  });

  test("whose signature was changed, or is none, is refused (AUTH-CS-14)", () => {
    const [typed, signature] = own();
    for (const wrong of [
      `00${signature.slice(2)}`,
      "0".repeat(130),
      `${signature.slice(0, 128)}1d`,
      "f".repeat(128).concat("1b"),
      signature.slice(0, 128) + (signature.endsWith("1b") ? "1c" : "1b"),
    ])
      expect(check([[typed, wrong], low(), middle(), top()])).toContain("CCR-12");
    for (const [i, whole] of [own(), low(), middle(), top()].entries()) {
      const [data] = whole as [{ message: object }, string];
      const chain = [own(), low(), middle(), top()].with(i, [{ ...data, message: { ...data.message, meta: "x" } }, whole[1]]);
      expect(check(chain)).toMatch(/CCR-1[012]/);
    }
  });

  test.each<[string, unknown]>([
    ["no list", "x"],
    ["nothing", []],
    ["too many", Array.from({ length: 11 }, () => top())],
    ["no pair", [[top()[0]]]],
    ["a signature of another length", [[top()[0], "00"]]],
    ["a signature with 0x", [[top()[0], `0x${top()[1]}`]]],
    ["another type", [[{ ...top()[0], primaryType: "EIP712Something" }, top()[1]]]],
    ["no message", [[{ primaryType: "EIP712AuthorityCertificate" }, top()[1]]]],
    [
      "a number that JavaScript has rounded",
      [[{ ...own()[0], message: { ...common, csPubKey: KEY, delegate: DELEGATE, bootedAt: 2 ** 60 } }, own()[1]]],
    ],
    ["a negative number", [[{ ...EXAMPLE[2][0], message: { ...EXAMPLE[2][0].message, validFrom: -1 } }, EXAMPLE[2][1]]]],
    ["a number of more bits", [[{ ...EXAMPLE[2][0], message: { ...EXAMPLE[2][0].message, capabilities: 1n << 64n } }, EXAMPLE[2][1]]]],
    ["half an address", [[{ ...EXAMPLE[2][0], message: { ...EXAMPLE[2][0].message, subject: "0xf766" } }, EXAMPLE[2][1]]]],
  ])("of which a part is %s is none", (_what, value) => {
    expect(certificatesOf(value)).toBeUndefined();
  });

  test("that is completed from a ring of certificates ends", () => {
    const ring = certificatesOf([ca.authority(device.address, ALL), device.authority(ca.address, ALL)]) ?? [];
    expect(continued(certificatesOf([own()]) ?? [], ring)).toHaveLength(10);
  });
});
