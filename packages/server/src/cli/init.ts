/** `junctor init`: a configuration to start from, with keys of its own. Nothing that is there is overwritten. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { toHex } from "@junctor/protocol/auth";
import { nodeCrypto } from "../auth/node-crypto.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { jsonText, line, printable, style } from "./print.ts";

/** @param directory made where there is none. Default: where the command is run */
export async function init(directory: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const folder = directory ?? ".";
  const [backend, alice] = [await keyPair(), await keyPair()];
  const files: readonly (readonly [name: string, text: string, mode: number])[] = [
    ["config.yaml", CONFIG, 0o644],
    ["users.yaml", users(backend.publicKey, alice.publicKey), 0o600],
    ["backend.key", `${backend.privateKey}\n`, 0o600],
    ["alice.key", `${alice.privateKey}\n`, 0o600],
  ];
  const there = files.map(([name]) => join(folder, name)).filter((file) => existsSync(file));
  if (there.length > 0)
    throw new UserError(`${there.join(", ")} ${there.length === 1 ? "is" : "are"} there already, and not overwritten`, {
      remedy: "name another directory: junctor init DIR",
    });
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text, mode] of files) writeFileSync(join(folder, name), text, { mode, flag: "wx" });
    if (!existsSync(join(folder, ".gitignore"))) writeFileSync(join(folder, ".gitignore"), IGNORED, { flag: "wx" });
  } catch (error) {
    throw new UserError(`cannot write to ${folder}: ${whyUnreadable(error)}`, { remedy: "name a directory that this user may write to" });
  }
  const written = files.map(([name]) => join(folder, name));
  if (options.json === true) return line(jsonText({ written }));
  line(`${style("green", "✓")} wrote ${printable(written.join(", "))}`);
  line("");
  const at = relative(".", folder);
  if (at !== "") line(`  cd ${printable(at)}`);
  line("  junctor config check");
  line("  junctor start");
  line(style("dim", "  # and in other terminals"));
  line("  junctor --realm app --authid backend --key backend.key register com.app.api.echo --echo");
  line("  junctor --realm app --authid alice --key alice.key call com.app.api.echo hello");
}

async function keyPair(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const key = randomBytes(32);
  return { privateKey: toHex(key), publicKey: toHex(await nodeCrypto.ed25519PublicKey(key)) };
}

const IGNORED = `# What is nobody else's matter.
*.key
*.pem
users.yaml
.junctor/
`;

const CONFIG = `# yaml-language-server: $schema=./node_modules/junctor/config.schema.json
#
# Is it right?             junctor config check
# What does a key mean?    junctor config explain limits.helloTimeout
# What holds by default?   junctor config show --resolved
version: 1

listen:
  # WebSocket clients connect to ws://127.0.0.1:8080/ws. Only programs on this machine reach it; for others: host: 0.0.0.0, and tls.
  - type: web
    host: 127.0.0.1
    port: 8080
    # tls: { cert: ./cert.pem, key: ./key.pem } # for a try: junctor keys tls-self
    # origins: [same-host, "https://app.example.com"] # pages of other hosts that may connect

realms:
  app:
    # The ways in. Clients offer some of them, and the first that stands here is used.
    auth:
      - method: cryptosign # a key of which users.yaml has the public half: junctor keys ed25519
      - method: wamp-scram # a password of which users.yaml has no copy: junctor keys hash --scram
    users: ./users.yaml

    # What those who are in may do. Nothing else is allowed.
    roles:
      # Your own programs.
      backend:
        allow:
          register: ["com.app.*"]
          call: ["com.app.*"]
          publish: ["com.app.*"]
          subscribe: ["com.app.*"]

      # Everybody else. What they send is limited; {authid} is their own name.
      user:
        allow:
          call: ["com.app.api.*"]
          subscribe: ["com.app.news.*", "com.app.user.{authid}.*"]
        limits:
          messages: { rate: 1000, burst: 2000 } # a second, for each session
          bytes: { rate: 4MiB, burst: 8MiB }
          subscriptions: 1000

# Secrets do not belong here: \${env:NAME} and \${file:./path} stand for them.
# More realms in files of their own: include: [realms/*.yaml]

log:
  level: info
`;

const users = (backend: string, alice: string) => `# Who may log in, by authid. It is read again when it changes.
backend:
  role: backend
  cryptosign: ${backend} # backend.key has the private half
alice:
  role: user
  cryptosign: ${alice} # alice.key has the private half
`;
