"""A service in Python, with Autobahn: it joins as the server that started it says in the environment, and adds numbers."""

import os

from autobahn.asyncio.component import Component, run

component = Component(
    transports=[
        {
            "type": "rawsocket",
            "serializer": "cbor",
            "endpoint": {"type": "unix", "path": os.environ["JUNCTOR_SOCKET"]},
        }
    ],
    realm=os.environ["JUNCTOR_REALM"],
    authentication={"ticket": {"authid": os.environ["JUNCTOR_AUTHID"], "ticket": os.environ["JUNCTOR_TICKET"]}},
)


@component.register("com.app.python.add")
def add(a, b):
    return a + b


if __name__ == "__main__":
    run([component])
