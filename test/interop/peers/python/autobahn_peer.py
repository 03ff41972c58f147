"""Autobahn|Python on asyncio as a peer, and the line protocol of ../README.md."""

import asyncio
import base64
import json
import ssl
import sys
from urllib.parse import urlsplit

import txaio
from autobahn.asyncio.component import Component
from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CallOptions, CallResult, PublishOptions, RegisterOptions

txaio.use_asyncio()


class Peer:
    """One session, and what its procedures and subscriptions have heard."""

    def __init__(self, session):
        self.session = session
        self.heard = []
        self.waiting = None

    def hear(self, uri, args, kwargs):
        self.heard.append({"uri": uri, "args": encode(args), "kwargs": encode(kwargs)})
        self.settle()

    def settle(self):
        if self.waiting is not None and len(self.heard) >= self.waiting[0]:
            future, self.waiting = self.waiting[1], None
            heard, self.heard = self.heard, []
            future.set_result({"heard": heard})


async def connect(transport, serializer, url, host, port, path, realm, auth=None):
    if transport == "websocket-batched":
        return Peer(await run_application(serializer, url, realm)), {}
    if transport.startswith("unix"):
        endpoint = {"type": "unix", "path": path}
    else:
        tls = context_of(auth) if transport.endswith("tls") else False
        tcp_port = urlsplit(url).port if "websocket" in transport else port
        endpoint = {"type": "tcp", "host": host, "port": tcp_port, "tls": tls}
    if "websocket" in transport:
        config = {"type": "websocket", "url": url, "serializers": [serializer], "endpoint": endpoint}
    else:
        config = {"type": "rawsocket", "serializer": serializer, "endpoint": endpoint}
    login = {} if auth is None else {"authentication": credentials(**auth)}
    component = Component(transports=[{**config, "max_retries": 0}], realm=realm, **login)
    joined = asyncio.get_running_loop().create_future()

    @component.on_join
    def on_join(session, details):
        joined.set_result((session, details))

    done = component.start(asyncio.get_running_loop())
    await asyncio.wait([joined, done], return_when=asyncio.FIRST_COMPLETED)
    if not joined.done():
        raise RuntimeError(f"the session was not joined: {done.exception()}")
    session, details = joined.result()
    welcome = {"authid": details.authid, "authrole": details.authrole, "authmethod": details.authmethod}
    return Peer(session), {} if auth is None else {"welcome": welcome}


def credentials(method, secret, authid=None, binding=None):
    name = {} if authid is None else {"authid": authid}
    if method == "ticket":
        return {"ticket": {"ticket": secret, **name}}
    if method == "wampcra":
        return {"wampcra": {"secret": secret, **name}}
    if method == "scram":
        return {"scram": {"password": secret, **name}}
    bound = {} if binding is None else {"authextra": {"channel_binding": binding}}
    return {"cryptosign": {"privkey": secret, **name, **bound}}


def context_of(auth):
    """tls-unique is a matter of TLS 1.2 and older (RFC 9266)."""
    context = ssl.create_default_context()
    if auth is not None and auth.get("binding") == "tls-unique":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def run_application(serializer, url, realm):
    """The older way to run a session. What it offers by default begins with batched CBOR."""
    joined = asyncio.get_running_loop().create_future()

    class Application(ApplicationSession):
        def onJoin(self, details):
            joined.set_result(self)

        def onDisconnect(self):
            if not joined.done():
                joined.set_exception(RuntimeError("the session was not joined"))

    offer = {"json": [JsonSerializer(batched=True)], "msgpack": [MsgPackSerializer(batched=True), JsonSerializer()], "cbor": None}
    await ApplicationRunner(url, realm, serializers=offer[serializer]).run(Application, start_loop=False)
    session = await joined
    if session._transport.websocket_protocol_in_use != f"wamp.2.{serializer}.batched":
        raise RuntimeError(f"the router chose {session._transport.websocket_protocol_in_use}")
    return session


async def register(peer, procedures):
    def endpoint(procedure, answer):
        def call(*args, **kwargs):
            peer.hear(procedure, args, kwargs)
            out_args, out_kwargs = decode(answer.get("args", [])), decode(answer.get("kwargs", {}))
            if "error" in answer:
                raise ApplicationError(answer["error"], *out_args, **out_kwargs)
            return CallResult(*out_args, **out_kwargs)

        return call

    await asyncio.gather(*(peer.session.register(endpoint(p["procedure"], p["answer"]), p["procedure"]) for p in procedures))


async def subscribe(peer, topics):
    def handler(topic):
        return lambda *args, **kwargs: peer.hear(topic, args, kwargs)

    await asyncio.gather(*(peer.session.subscribe(handler(topic), topic) for topic in topics))


async def call(peer, calls):
    async def one(procedure, args=(), kwargs={}):
        try:
            result = await peer.session.call(procedure, *decode(args), **decode(kwargs))
        except ApplicationError as error:
            return {"error": error.error, "args": encode(error.args), "kwargs": encode(error.kwargs)}
        # A result without keyword arguments and with at most one argument is that argument, or None.
        if isinstance(result, CallResult):
            return {"args": encode(result.results), "kwargs": encode(result.kwresults)}
        return {"args": [] if result is None else [encode(result)], "kwargs": {}}

    return {"results": await asyncio.gather(*(one(**c) for c in calls))}


async def offer(peer, procedures):
    def endpoint(procedure, count, waits):
        async def call(*args, details, **kwargs):
            peer.hear(procedure, args, kwargs)
            for i in range(count if details.progress else 0):
                details.progress(i)
            if not waits:
                return CallResult("done")
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                peer.hear(procedure, ["interrupted"], {})
                raise ApplicationError("interop.interrupted") from None

        return call

    options = RegisterOptions(details=True)
    await asyncio.gather(*(peer.session.register(endpoint(**p), p["procedure"], options=options) for p in procedures))


async def follow(peer, procedure, args, kwargs, mode=None):
    """Cancelling a call is cancelling its future, in the router's default mode; the future does not wait for an answer."""
    progress = []

    def on_progress(*args, **kwargs):
        progress.append({"args": encode(args), "kwargs": encode(kwargs)})

    call = peer.session.call(procedure, *decode(args), options=CallOptions(on_progress=on_progress), **decode(kwargs))
    peer.cancel = call.cancel
    try:
        result = {"args": [encode(await call)], "kwargs": {}}
    except asyncio.CancelledError:
        result = {"error": "cancelled", "args": [], "kwargs": {}}
    except ApplicationError as error:
        result = {"error": error.error, "args": [], "kwargs": {}}
    return {"results": [result], "progress": progress}


async def cancel(peer):
    peer.cancel()


async def publish(peer, events):
    options = PublishOptions(acknowledge=True)
    for event in events:
        await peer.session.publish(event["topic"], *decode(event["args"]), options=options, **decode(event["kwargs"]))


async def take(peer, count):
    peer.waiting = (count, asyncio.get_running_loop().create_future())
    future = peer.waiting[1]
    peer.settle()
    return await future


async def leave(peer):
    left = asyncio.get_running_loop().create_future()
    peer.session.on("leave", lambda _session, details: left.set_result(details))
    peer.session.leave()
    await left


def decode(value):
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$int" in value:
        return int(value["$int"])
    if "$float" in value:
        return float(value["$float"])
    return {key: decode(item) for key, item in value.items()}


def encode(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": value}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return {"$other": type(value).__name__}


COMMANDS = {"register": register, "subscribe": subscribe, "call": call, "publish": publish, "offer": offer, "follow": follow, "cancel": cancel, "take": take, "leave": leave}


async def main():
    peers = {}

    async def run(id, do, session, **command):
        try:
            if do == "connect":
                peers[session], answer = await connect(**command)
            else:
                answer = await COMMANDS[do](peers[session], **command)
            write({"id": id, **(answer or {})})
        except Exception as error:  # whatever it is, the test is to show it
            write({"id": id, "failure": f"{type(error).__name__}: {error}"})

    def write(message):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        task = asyncio.create_task(run(**json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
