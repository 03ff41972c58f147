/** The Python program that runs a component class of Crossbar.io's as a service, written beside the configuration. */

export const RUNNER_PROGRAM = `"""Runs a component class that was written for Crossbar.io as a service of junctor.

    python3 crossbar_component.py module.Class [EXTRA AS JSON]

The server hands over where to connect, and a ticket, in the environment.
"""
import importlib
import json
import os
import sys

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.serializer import JsonSerializer
from autobahn.wamp.types import ComponentConfig
from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint

sys.path.insert(0, os.getcwd())
module, _, name = sys.argv[1].rpartition(".")
component = getattr(importlib.import_module(module), name)
extra = json.loads(sys.argv[2]) if len(sys.argv) > 2 else None


class Component(component):
    """Joins with the ticket, unless the class has a way of its own. When the session is over, so is the process."""

    def onConnect(self):
        if component.onConnect is not ApplicationSession.onConnect:
            return super().onConnect()
        self.join(self.config.realm, ["ticket"], os.environ["JUNCTOR_AUTHID"])

    def onChallenge(self, challenge):
        if challenge.method == "ticket":
            return os.environ["JUNCTOR_TICKET"]
        return super().onChallenge(challenge)

    def onDisconnect(self):
        super().onDisconnect()
        if reactor.running:
            reactor.stop()


def failed(failure):
    print(failure.getErrorMessage(), file=sys.stderr)
    reactor.stop()


config = ComponentConfig(os.environ["JUNCTOR_REALM"], extra)
factory = WampRawSocketClientFactory(lambda: Component(config), serializer=JsonSerializer())
UNIXClientEndpoint(reactor, os.environ["JUNCTOR_SOCKET"]).connect(factory).addErrback(failed)
reactor.run()
`;
