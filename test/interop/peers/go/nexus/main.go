// The client of nexus as a peer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/transport/serialize"
	"github.com/gammazero/nexus/v3/wamp"
	"github.com/gammazero/nexus/v3/wamp/crsign"

	"interop/line"
)

var serializations = map[string]serialize.Serialization{"json": client.JSON, "msgpack": client.MSGPACK, "cbor": client.CBOR}

type peer struct {
	client *client.Client
	isJSON bool
}

func main() { line.Serve(connect) }

func connect(e line.Endpoint) (line.Peer, error) {
	url := e.URL
	switch e.Transport {
	case "rawsocket":
		url = fmt.Sprintf("tcp://%s:%d/", e.Host, e.Port)
	case "rawsocket-tls":
		url = fmt.Sprintf("tcps://%s:%d/", e.Host, e.Port)
	case "unix-rawsocket":
		url = "unix://" + e.Path
	}
	config := client.Config{
		Realm:         e.Realm,
		Serialization: serializations[e.Serializer],
		Logger:        log.New(io.Discard, "", 0),
	}
	if e.Auth != nil {
		config.HelloDetails = wamp.Dict{"authid": e.Auth.AuthID}
		config.AuthHandlers = map[string]client.AuthFunc{e.Auth.Method: answerTo(*e.Auth)}
	}
	c, err := client.ConnectNet(context.Background(), url, config)
	if err != nil {
		return nil, err
	}
	return &peer{c, e.Serializer == "json"}, nil
}

// answerTo is what an application writes to log in: the ticket, or the signature that the challenge asks for.
func answerTo(auth line.Credentials) client.AuthFunc {
	if auth.Method == "ticket" {
		return func(*wamp.Challenge) (string, wamp.Dict) { return auth.Secret, wamp.Dict{} }
	}
	return func(c *wamp.Challenge) (string, wamp.Dict) {
		return crsign.RespondChallenge(auth.Secret, c, nil), wamp.Dict{}
	}
}

func (p *peer) Welcome() line.Welcome {
	details := p.client.RealmDetails()
	text := func(key string) string {
		value, _ := wamp.AsString(details[key])
		return value
	}
	return line.Welcome{AuthID: text("authid"), AuthRole: text("authrole"), AuthMethod: text("authmethod")}
}

func (p *peer) Register(procedure string, handler line.Handler) error {
	return p.client.Register(procedure, func(_ context.Context, i *wamp.Invocation) client.InvokeResult {
		args, kwargs, err := handler(i.Arguments, i.ArgumentsKw)
		if err != nil {
			return client.InvokeResult{Err: wamp.URI(err.URI), Args: err.Args, Kwargs: err.Kwargs}
		}
		return client.InvokeResult{Args: args, Kwargs: kwargs}
	}, nil)
}

func (p *peer) Subscribe(topic string, handler func([]any, map[string]any)) error {
	return p.client.Subscribe(topic, func(e *wamp.Event) { handler(e.Arguments, e.ArgumentsKw) }, nil)
}

func (p *peer) Call(procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error) {
	return answer(p.client.Call(context.Background(), procedure, nil, args, kwargs, nil))
}

func (p *peer) Offer(procedure string, offered line.Offered) error {
	return p.client.Register(procedure, func(ctx context.Context, i *wamp.Invocation) client.InvokeResult {
		offered.Hear(i.Arguments, i.ArgumentsKw)
		if more, _ := i.Details[wamp.OptProgress].(bool); more {
			return client.InvokeResult{Err: wamp.InternalProgressiveOmitResult}
		}
		if wanted, _ := i.Details[wamp.OptReceiveProgress].(bool); wanted {
			for n := range offered.Count {
				if err := p.client.SendProgress(ctx, wamp.List{n}, nil); err != nil {
					break
				}
			}
		}
		if !offered.Waits {
			return client.InvokeResult{Args: wamp.List{"done"}}
		}
		<-ctx.Done()
		offered.Hear([]any{"interrupted"}, nil)
		return client.InvokeResult{Err: wamp.ErrCanceled}
	}, nil)
}

func (p *peer) Follow(ctx context.Context, call line.Followed) ([]any, map[string]any, error) {
	if err := p.client.SetCallCancelMode(call.Mode); err != nil {
		return nil, nil, err
	}
	onProgress := func(r *wamp.Result) { call.OnProgress(r.Arguments, r.ArgumentsKw) }
	if call.Chunks == nil {
		return answer(p.client.Call(ctx, call.Procedure, nil, call.Args, call.Kwargs, onProgress))
	}
	chunks := append([]line.Values{call.Values}, call.Chunks...)
	next := func(context.Context) (wamp.Dict, wamp.List, wamp.Dict, error) {
		chunk := chunks[0]
		chunks = chunks[1:]
		return wamp.Dict{wamp.OptProgress: len(chunks) > 0}, chunk.Args, chunk.Kwargs, nil
	}
	return answer(p.client.CallProgressive(ctx, call.Procedure, next, onProgress))
}

func answer(result *wamp.Result, err error) ([]any, map[string]any, error) {
	var rpcError client.RPCError
	if errors.As(err, &rpcError) {
		return nil, nil, &line.CallError{URI: string(rpcError.Err.Error), Args: rpcError.Err.Arguments, Kwargs: rpcError.Err.ArgumentsKw}
	}
	if err != nil {
		return nil, nil, err
	}
	return result.Arguments, result.ArgumentsKw, nil
}

func (p *peer) Publish(topic string, args []any, kwargs map[string]any) error {
	return p.client.Publish(topic, wamp.Dict{wamp.OptAcknowledge: true}, args, kwargs)
}

func (p *peer) Leave() error { return p.client.Close() }

// Bytes: with JSON, nexus wants bytes in a type of its own, or it would send plain Base64.
func (p *peer) Bytes(b []byte) any {
	if p.isJSON {
		return serialize.BinaryData(b)
	}
	return b
}
