"""A dynamic authenticator and a dynamic authorizer as one writes them for Crossbar.io, on Autobahn|Python.

Started with the router's address and realm; writes a line when both are registered, and ends with its standard input.
"""

import asyncio
import sys

from autobahn.asyncio.component import Component
from autobahn.wamp.exception import ApplicationError

USERS = {
    "ada": {"ticket": "sesame", "role": "user"},
    "peter": {"secret": "secret1", "role": "user"},
    "kim": {"pubkey": "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d", "role": "user"},
}

host, port, realm = sys.argv[1:]
endpoint = {"type": "tcp", "host": host, "port": int(port)}
component = Component(transports=[{"type": "rawsocket", "serializer": "cbor", "endpoint": endpoint}], realm=realm)


@component.register("com.example.authenticate")
def authenticate(realm, authid, details):
    if details["authmethod"] == "cryptosign":
        pubkey = details["authextra"]["pubkey"]
        for authid, user in USERS.items():
            if user.get("pubkey") == pubkey:
                return {"pubkey": pubkey, "role": user["role"], "authid": authid, "extra": {"realm": realm}}
    elif authid in USERS:
        user = USERS[authid]
        if details["authmethod"] == "ticket" and user.get("ticket") == details["ticket"]:
            return user["role"]
        if details["authmethod"] == "wampcra" and "secret" in user:
            return {"secret": user["secret"], "role": user["role"]}
    raise ApplicationError("com.example.no_such_user", f"could not authenticate {authid}")


@component.register("com.example.authorize")
def authorize(session, uri, action, options):
    if uri == "com.example.broken":
        raise RuntimeError("this authorizer has a bug")
    if uri.startswith(f"com.example.{session['authid']}."):
        return True
    return {"allow": uri == "com.example.public" and action == "call", "cache": True, "disclose": True}


@component.on_ready
def on_ready(_session):
    print("ready", flush=True)


async def main():
    loop = asyncio.get_running_loop()
    done = component.start(loop)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await asyncio.wait([done, asyncio.create_task(reader.read())], return_when=asyncio.FIRST_COMPLETED)


asyncio.run(main())
